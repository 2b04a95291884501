"""A Hydra app that writes TensorBoard's event files: python hydra_app.py optimizer.lr=0.01 hydra.run.dir=/tmp/hydra"""

from pathlib import Path

import hydra
import torch
from drawn_images import drawn_images
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn
from torch.utils.tensorboard import SummaryWriter


@hydra.main(version_base="1.3", config_path="hydra_conf", config_name="config")
def main(config: DictConfig) -> None:
    """Train; everything is written to Hydra's own folder of the run."""
    out = Path(HydraConfig.get().runtime.output_dir)
    torch.manual_seed(config.seed)
    images, masks = map(torch.from_numpy, drawn_images(48, seed=0))
    val_images, val_masks = map(torch.from_numpy, drawn_images(16, seed=1))
    model = nn.Sequential(
        nn.Conv2d(1, config.model.channels, 5, padding=2),
        instantiate(config.model.activation),
        nn.Conv2d(config.model.channels, 1, 3, padding=1),
    )
    optimizer = instantiate(config.optimizer, params=model.parameters())
    criterion = nn.BCEWithLogitsLoss()

    finished = 0
    if config.resume:
        state = torch.load(config.resume)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["generator"])
        finished = state["epoch"]

    writer = SummaryWriter(out / "tensorboard")
    for epoch in range(finished + 1, config.epochs + 1):
        for batch in torch.randperm(len(images)).split(config.batch_size):
            optimizer.zero_grad()
            loss = criterion(model(images[batch]), masks[batch])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            logits = model(val_images)
        found, true = logits > 0, val_masks > 0
        writer.add_scalar("Loss/train", loss.item(), epoch)
        writer.add_scalar("Loss/valid", criterion(logits, val_masks).item(), epoch)
        writer.add_scalar("IoU/valid", ((found & true).sum() / (found | true).sum()).item(), epoch)
        writer.flush()
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state | {"generator": torch.get_rng_state()}, out / "last.tmp")
        (out / "last.tmp").replace(out / "last.pt")
    writer.close()


if __name__ == "__main__":
    main()

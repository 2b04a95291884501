"""A Lightning module, set by a YAML file: python lightning_module.py settings.yaml /tmp/lightning [last.ckpt]"""

import sys
from pathlib import Path

import lightning
import torch
import yaml
from drawn_images import drawn_images
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DiscSegmenter(lightning.LightningModule):
    """Finds discs: images (B, 1, H, W) to logits of the same shape."""

    def __init__(self, channels: int, optimizer: dict):
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 3, padding=1),
        )
        self.criterion = nn.BCEWithLogitsLoss()
        self.register_buffer("counts", torch.zeros(2), persistent=False)  # pixels of intersection and union

    def training_step(self, batch, _):
        images, masks = batch
        loss = self.criterion(self.network(images), masks)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def on_validation_epoch_start(self):
        self.counts.zero_()

    def validation_step(self, batch, _):
        images, masks = batch
        logits = self.network(images)
        found, true = logits > 0, masks > 0
        self.counts += torch.stack([(found & true).sum(), (found | true).sum()])
        self.log("val_loss", self.criterion(logits, masks))

    def on_validation_epoch_end(self):
        self.log("val_iou", self.counts[0] / self.counts[1])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), **self.hparams.optimizer)


def loader(count: int, seed: int, *, batch_size: int, shuffle: bool = False) -> DataLoader:
    """Batches of drawn images."""
    return DataLoader(TensorDataset(*map(torch.from_numpy, drawn_images(count, seed))), batch_size, shuffle=shuffle)


def main(settings: dict, out: Path, checkpoint: str | None) -> None:
    """Fit; metrics lie in `out`/lightning_logs/version_*/metrics.csv."""
    lightning.seed_everything(settings["seed_everything"], verbose=False)
    trainer = lightning.Trainer(
        **settings["trainer"],
        accelerator="auto",
        logger=CSVLogger(out, flush_logs_every_n_steps=1),
        callbacks=[ModelCheckpoint(out, filename="best", monitor="val_iou", mode="max", save_last=True)],
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(
        DiscSegmenter(settings["model"]["channels"], settings["optimizer"]),
        loader(48, 0, batch_size=settings["batch_size"], shuffle=True),
        loader(16, 1, batch_size=16),
        ckpt_path=checkpoint,
    )


if __name__ == "__main__":
    file, out, *resumed = sys.argv[1:]
    main(yaml.safe_load(Path(file).read_text(encoding="utf-8")), Path(out), *resumed or [None])

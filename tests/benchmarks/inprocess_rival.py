"""The rival that people really have: one process, Optuna, images decoded once into memory, a function `train(config)`.

What a competent person writes for a grid on one machine: Optuna's GridSampler, all images as uint8 arrays,
albumentations on them, batches by indexing, scores from summed counts, the weights of the best epoch written once per
trial. On more cores, trials run in as many processes, forked when libraries and images are loaded. It cannot resume a
trial, and a study that was killed begins again.

    python tests/benchmarks/inprocess_rival.py --images DIR --output DIR --grid '{"lr": [1e-3, 3e-3]}' --cores 2 ...
"""

import argparse
import json
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from math import prod
from pathlib import Path

import albumentations as A
import cv2
import numpy as np
import optuna
import segmentation_models_pytorch as smp
import torch
from torch import nn

BASE = {"lr": 1e-3, "dice": 0.0, "batch_size": 8}
AUGMENT = A.Compose(  # as config/augmentations/basic.yaml
    [A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5)]
)
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def load(folder: Path, split: str, size: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, H, W, 3) and masks uint8 (N, H, W) of the names in a list."""
    images, masks = [], []
    for name in (folder / f"{split}.txt").read_text().split():
        image = cv2.cvtColor(cv2.imread(str(folder / "images" / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
        mask = cv2.imread(str(folder / "masks" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        images.append(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))
        masks.append(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST))
    return np.stack(images), np.stack(masks)


def batch(images: np.ndarray, masks: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Float images (B, 3, H, W), normalised, and masks int64 (B, H, W), on the device."""
    floats = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device).float().div_(255)
    return floats.sub_(MEAN.to(device)).div_(STD.to(device)), torch.from_numpy(masks).to(device).long()


def train(config: dict, data: dict, options: argparse.Namespace, path: Path) -> float:
    """Train a network; writes the weights of its best epoch and returns that epoch's mean IoU."""
    torch.manual_seed(options.seed)
    random.seed(options.seed)
    np.random.seed(options.seed % 2**32)
    images, masks = data["train"]
    val_images, val_masks = data["val"]
    size, device = config["batch_size"], torch.device(options.device)
    model = smp.Unet(options.encoder, encoder_weights=None, in_channels=3, classes=options.classes).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    cross_entropy = nn.CrossEntropyLoss(ignore_index=255)
    dice = smp.losses.DiceLoss("multiclass", ignore_index=255)

    def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = cross_entropy(logits, targets)
        return loss + config["dice"] * dice(logits, targets) if config["dice"] else loss

    best, weights = -1.0, {}
    for epoch in range(1, options.epochs + 1):
        model.train()
        order, total = np.random.permutation(len(images)), 0.0
        for start in range(0, len(order), size):
            drawn = [AUGMENT(image=images[i], mask=masks[i]) for i in order[start : start + size]]
            x, y = batch(np.stack([one["image"] for one in drawn]), np.stack([one["mask"] for one in drawn]), device)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        model.eval()
        counts, val_loss = torch.zeros(3, options.classes, dtype=torch.float64), 0.0
        with torch.inference_mode():
            for start in range(0, len(val_images), size):
                x, y = batch(val_images[start : start + size], val_masks[start : start + size], device)
                logits = model(x)
                val_loss += loss_of(logits, y).item() * len(x)
                found = smp.metrics.get_stats(
                    logits.argmax(1), y, mode="multiclass", num_classes=options.classes, ignore_index=255
                )
                counts += torch.stack([part.sum(0) for part in found[:3]]).cpu()
        tp, fp, fn = counts
        miou = float((tp / (tp + fp + fn).clamp(min=1)).mean())
        print(f"{path.stem} epoch {epoch} loss {total / len(images):.4f} {val_loss / len(val_images):.4f} {miou:.4f}")
        if miou > best:
            best, weights = miou, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.save(weights, path)
    return best


def main() -> None:
    """Train all cells of the grid; writes weights of each and scores.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--grid", type=json.loads, required=True, help=f"JSON: values of some of {', '.join(BASE)}")
    parser.add_argument("--size", type=int, nargs=2, required=True)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    data = {split: load(options.images, split, options.size) for split in ("train", "val")}
    cells = prod(len(values) for values in options.grid.values())
    pool = ProcessPoolExecutor(options.cores, multiprocessing.get_context("fork")) if options.cores > 1 else None

    def objective(trial: optuna.Trial) -> float:
        config = BASE | {name: trial.suggest_categorical(name, values) for name, values in options.grid.items()}
        arguments = config, data, options, options.output / f"{trial.number:02d}.pt"
        return pool.submit(train, *arguments).result() if pool else train(*arguments)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler(options.grid))
    study.optimize(objective, n_trials=cells, n_jobs=options.cores)
    scores = [{"values": trial.params, "miou": trial.value} for trial in study.trials]
    (options.output / "scores.json").write_text(json.dumps(scores))
    if pool:
        pool.shutdown()


if __name__ == "__main__":
    main()

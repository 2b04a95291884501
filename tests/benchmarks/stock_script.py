"""The rival: how one trains a segmentation network without this project, done well.

One process per setting; segmentation_models_pytorch, albumentations and a DataLoader over the image files, as the
examples of their documentation do it. Written to be read beside them, not to be slow: threads are set, gradients are
set to none, the validation runs in inference mode, scores come from summed counts.

    python tests/benchmarks/stock_script.py --images DIR --output FILE --size 64 64 --epochs 4 --lr 1e-3 ...
"""

import argparse
import csv
import json
import random
from pathlib import Path

import albumentations as A
import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
from albumentations.pytorch import ToTensorV2
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """images/NAME.jpg and masks/NAME.png of the names in a list."""

    def __init__(self, folder: Path, split: str, transform: A.Compose):
        self.folder, self.transform = folder, transform
        self.names = (folder / f"{split}.txt").read_text().split()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        name = self.names[i]
        image = cv2.cvtColor(cv2.imread(str(self.folder / "images" / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
        mask = cv2.imread(str(self.folder / "masks" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        found = self.transform(image=image, mask=mask)
        return found["image"], found["mask"].long()


def transforms(size: list[int], training: bool) -> A.Compose:
    """Resize, augment as config/augmentations/basic.yaml does, normalise."""
    augmentations = [
        A.HorizontalFlip(p=0.5),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
    ]
    steps = [A.Resize(*size, interpolation=cv2.INTER_AREA), *(augmentations if training else [])]
    return A.Compose([*steps, A.Normalize(), ToTensorV2()])


def main() -> None:
    """Train a network, keep its best checkpoint, write its scores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--size", type=int, nargs=2, required=True)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--dice", type=float, default=0.0)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    shared = {"batch_size": args.batch_size, "num_workers": args.workers, "persistent_workers": args.workers > 0}
    train = DataLoader(Images(args.images, "train", transforms(args.size, True)), shuffle=True, **shared)
    val = DataLoader(Images(args.images, "val", transforms(args.size, False)), **shared)

    model = smp.Unet(args.encoder, encoder_weights=None, in_channels=3, classes=args.classes)
    cross_entropy = torch.nn.CrossEntropyLoss(ignore_index=255)
    dice = smp.losses.DiceLoss("multiclass", ignore_index=255)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    def loss_of(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        loss = cross_entropy(logits, masks)
        return loss + args.dice * dice(logits, masks) if args.dice else loss

    args.output.parent.mkdir(parents=True, exist_ok=True)
    rows, best = [], -1.0
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for images, masks in train:
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(images), masks)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        model.eval()
        counts, val_loss = [], 0.0
        with torch.inference_mode():
            for images, masks in val:
                logits = model(images)
                val_loss += loss_of(logits, masks).item() * len(images)
                predicted = logits.argmax(1)
                counts.append(
                    smp.metrics.get_stats(
                        predicted, masks, mode="multiclass", num_classes=args.classes, ignore_index=255
                    )
                )
        tp, fp, fn, _ = (torch.cat(part).sum(0).double() for part in zip(*counts, strict=True))
        miou = float((tp / (tp + fp + fn).clamp(min=1)).mean())
        rows.append(
            {
                "epoch": epoch,
                "train_loss": total / len(train.dataset),
                "val_loss": val_loss / len(val.dataset),
                "miou": miou,
            }
        )
        if miou > best:
            best = miou
            torch.save(model.state_dict(), args.output.with_suffix(".pt"))
        print(rows[-1], flush=True)
    with args.output.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    args.output.write_text(json.dumps({"best_miou": best}))


if __name__ == "__main__":
    main()

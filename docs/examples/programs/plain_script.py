"""A plain PyTorch script: python plain_script.py --lr 1e-2 --out /tmp/plain"""

import argparse
import csv
from pathlib import Path

import torch
from drawn_images import drawn_images
from torch import nn

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=2e-2)
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--out", type=Path, default=Path("out"))
parser.add_argument("--resume", type=Path, help="last.pt of an earlier start")
args = parser.parse_args()

args.out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(args.seed)
images, masks = map(torch.from_numpy, drawn_images(48, seed=0))
val_images, val_masks = map(torch.from_numpy, drawn_images(16, seed=1))

model = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
criterion = nn.BCEWithLogitsLoss()

rows, best = [], 0.0
if args.resume:
    state = torch.load(args.resume)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["generator"])
    rows, best = state["rows"], state["best"]

for epoch in range(len(rows) + 1, args.epochs + 1):
    losses = []
    for batch in torch.randperm(len(images)).split(args.batch_size):
        loss = criterion(model(images[batch]), masks[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        found, true = model(val_images) > 0, val_masks > 0
    iou = ((found & true).sum() / (found | true).sum()).item()
    if iou > best:
        best = iou
        torch.save(model.state_dict(), args.out / "best.pt")
    rows.append({"epoch": epoch, "loss": sum(losses) / len(losses), "val_iou": iou})
    with open(args.out / "metrics.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "generator": torch.get_rng_state()}
    torch.save(states | {"rows": rows, "best": best}, args.out / "last.tmp")
    (args.out / "last.tmp").replace(args.out / "last.pt")

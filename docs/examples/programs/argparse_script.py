"""A network in NumPy with names of its own: python argparse_script.py --learning-rate 0.5 --workdir /tmp/numpy

The number of hidden channels comes from the environment variable `HIDDEN`. Metrics are JSON lines, in percent, and the
first epoch is 0. Whatever lies in the working folder is continued.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from drawn_images import drawn_images

WINDOW = 5  # pixels; what a pixel's class is told from


class Network:
    """Convolution (WINDOW x WINDOW), ReLU, convolution (1 x 1): from images to logits."""

    def __init__(self, hidden: int, random: np.random.Generator):
        self.weights = {
            "first": random.normal(0, 1 / WINDOW, (WINDOW * WINDOW, hidden)),
            "first_bias": np.zeros(hidden),
            "second": random.normal(0, hidden**-0.5, hidden),
            "second_bias": np.zeros(1),
        }

    def forward(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Patches (N, WINDOW ** 2) to logits (N,) and the activations (N, hidden) that they were made from."""
        active = np.maximum(patches @ self.weights["first"] + self.weights["first_bias"], 0)
        return active @ self.weights["second"] + self.weights["second_bias"], active

    def step(self, patches: np.ndarray, labels: np.ndarray, rate: float) -> float:
        """Descend the gradient of the binary cross-entropy once; its value before that."""
        logits, active = self.forward(patches)
        slope = (1 / (1 + np.exp(-logits)) - labels) / len(labels)  # (N,)
        hidden_slope = np.outer(slope, self.weights["second"]) * (active > 0)  # (N, hidden)
        self.weights["second"] -= rate * active.T @ slope
        self.weights["second_bias"] -= rate * slope.sum()
        self.weights["first"] -= rate * patches.T @ hidden_slope
        self.weights["first_bias"] -= rate * hidden_slope.sum(axis=0)
        return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def patches_of(images: np.ndarray) -> np.ndarray:
    """The window around each pixel: (N, 1, H, W) to (N * H * W, WINDOW ** 2)."""
    padded = np.pad(images[:, 0], ((0, 0), (WINDOW // 2, WINDOW // 2), (WINDOW // 2, WINDOW // 2)))
    return np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW), axis=(1, 2)).reshape(-1, WINDOW**2)


def split(args: argparse.Namespace) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images and masks for training, and for validation: every fourth image, or the fold that was asked for."""
    images, masks = drawn_images(32, seed=0)
    chosen = np.arange(len(images)) % args.number_of_folds == args.validation_fold
    return (images[~chosen], masks[~chosen]), (images[chosen], masks[chosen])


def main() -> None:
    """Train from the last finished epoch on, and write a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learning-rate", type=float, default=0.5)
    parser.add_argument("--images-per-step", type=int, default=4)
    parser.add_argument("--flip", action="store_true", help="mirror each image half of the time")
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--validation-fold", type=int, default=0)
    parser.add_argument("--number-of-folds", type=int, default=4)
    parser.add_argument("--stop-after", type=int, default=5, help="epochs in all")
    parser.add_argument("--workdir", type=Path, default=Path("workdir"))
    args = parser.parse_args()

    (images, masks), (val_images, val_masks) = split(args)
    network = Network(int(os.environ.get("HIDDEN", "8")), np.random.default_rng(args.random_state))
    args.workdir.mkdir(parents=True, exist_ok=True)
    state, log = args.workdir / "state.npz", args.workdir / "log.jsonl"
    start = 0
    if state.is_file():
        saved = dict(np.load(state))
        start = int(saved.pop("next_epoch"))
        network.weights = saved

    for epoch in range(start, args.stop_after):
        random = np.random.default_rng([args.random_state, epoch])
        order = random.permutation(len(images))
        losses = []
        for first in range(0, len(order), args.images_per_step):
            batch, labels = (array[order[first : first + args.images_per_step]] for array in (images, masks))
            if args.flip and random.random() < 0.5:
                batch, labels = batch[..., ::-1], labels[..., ::-1]
            losses.append(network.step(patches_of(batch), labels.reshape(-1), args.learning_rate))
        found, true = network.forward(patches_of(val_images))[0] > 0, val_masks.reshape(-1) > 0
        line = {
            "ep": epoch,
            "train": {"bce": float(np.mean(losses))},
            "valid": {
                "jaccard": 100 * float((found & true).sum() / max((found | true).sum(), 1)),
                "accuracy": 100 * float((found == true).mean()),
            },
        }
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        partial = args.workdir / "state.tmp.npz"
        np.savez(partial, next_epoch=epoch + 1, **network.weights)
        partial.replace(state)


if __name__ == "__main__":
    main()

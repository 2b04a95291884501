"""Images of a split beside the same images with their labels: masks in color, void hatched, boxes, outlines."""

import numpy as np
from PIL import Image

from segsweep.data.display import ImageDisplay
from segsweep.data.prepared import Prepared, Split
from segsweep.inference.predictor import ground_truth_of, image_of, units
from segsweep.report.images.sheets import Panel, PanelPainter, compose

MOST_SHOWN = 8
LONGEST = 40  # letters of a name
TEXT_SIDE = 800  # of an image with text, whose outlines are small


def label_sheet(prepared: Prepared, split: str, display: ImageDisplay) -> Image.Image:
    """A sheet of up to `MOST_SHOWN` images of a split that is not empty; of one without labels, the images alone."""
    labeled = prepared.splits[split].labeled
    painter = PanelPainter(prepared, "predictions", most=None if prepared.has_masks else TEXT_SIDE)
    panels, shown = [], []
    for unit in units(prepared, [(split, i) for i in chosen_images(prepared.splits[split], MOST_SHOWN)]):
        image, labels = display(image_of(prepared, unit)), ground_truth_of(prepared, unit)
        name = unit.name if len(unit.name) <= LONGEST else f"…{unit.name[-LONGEST:]}"
        panels.append(Panel(name, painter.plain(image)))
        if labeled:
            panels.append(Panel("labels", painter.ground_truth(image, labels)))
            shown.append(labels)
    across = 4 if prepared.has_masks else 2
    rows = [panels[i : i + across] for i in range(0, len(panels), across)]
    return compose(rows, [entry for entry in painter.legend(shown) if entry[0] != "prediction"] if labeled else [])


def chosen_images(split: Split, count: int) -> list[int]:
    """Indices of so many images: of each class the one that shows most of it, rare classes first; then evenly spread.

    Args:
        split: of prepared data.
        count: how many, fewer where the split has fewer.
    """
    counts = split.class_counts
    rare_first = np.argsort((counts > 0).sum(axis=0), kind="stable")
    most_of_it = list(dict.fromkeys(int(counts[:, c].argmax()) for c in rare_first if counts[:, c].any()))[:count]
    spread = np.linspace(len(split) - 1, 0, count - len(most_of_it)).round().astype(int).tolist()
    return sorted(list(dict.fromkeys([*most_of_it, *spread, *range(len(split))]))[:count])

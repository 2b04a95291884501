"""Ground truth of images, and what the best epoch of a run predicts of them: patches stitched to pages."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segsweep.data.patches import stitch
from segsweep.data.prepared import Prepared, Split
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore


@dataclass(frozen=True)
class Unit:
    """What is shown as one image: an image, or the patches of a page. `indices` point into the split."""

    name: str
    split: str
    indices: tuple[int, ...]
    page: bool = False


@dataclass
class Annotations:
    """What is marked on a unit: by a prediction, or as its ground truth.

    Attributes:
        mask: uint8 (H, W).
        boxes, labels, scores: float (n, 4), (n,), (n,).
        polygons: float (k, 2) each.
        ignored: bool, one a polygon, or one a box where there are no polygons: ground truth that is not scored.
    """

    mask: np.ndarray | None = None
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    scores: np.ndarray | None = None
    polygons: list[np.ndarray] = field(default_factory=list)
    ignored: np.ndarray | None = None


def units(prepared: Prepared, refs: list[tuple[str, int]]) -> list[Unit]:
    """Images of a validation set in order. Of pages that it holds patches of, all patches belong to the unit."""
    found: dict[tuple[str, str], Unit] = {}
    for split, i in refs:
        page = prepared.splits[split].page(i)
        if page is None:
            name = prepared.splits[split].names[i]
            found[split, name] = Unit(name, split, (i,))
        elif (split, page["page"]) not in found:
            found[split, page["page"]] = Unit(page["page"], split, _patches(prepared.splits[split], page["page"]), True)
    return list(found.values())


def counterpart(prepared: Prepared, unit: Unit) -> Unit:
    """The same image or page in data prepared in another way."""
    split = prepared.splits[unit.split]
    if unit.page:
        return Unit(unit.name, unit.split, _patches(split, unit.name), True)
    return Unit(unit.name, unit.split, (split.names.index(unit.name),))


def image_of(prepared: Prepared, unit: Unit) -> np.ndarray:
    """(H, W, C) as stored; pages are stitched from their patches."""
    split = prepared.splits[unit.split]
    if not unit.page:
        return split.image(unit.indices[0])
    return stitch([split.image(i) for i in unit.indices], [split.page(i) for i in unit.indices])


def ground_truth_of(prepared: Prepared, unit: Unit) -> Annotations:
    """The ground truth of a unit."""
    split, i = prepared.splits[unit.split], unit.indices[0]
    if not prepared.has_masks:
        return Annotations(polygons=split.polygons(i), ignored=split.ignored(i))
    if unit.page:
        mask = stitch([split.mask(i) for i in unit.indices], [split.page(i) for i in unit.indices])
        return Annotations(mask=mask)
    if prepared.task == "multitask":
        return Annotations(mask=split.mask(i), boxes=split.boxes(i), labels=split.labels(i), ignored=split.ignored(i))
    return Annotations(mask=split.mask(i))


class Predictor:
    """The best epoch of a run, ready to look at images.

    Raises:
        InputError: the store has no weights of the run.
    """

    def __init__(self, plan: StudyPlan, run: PlannedRun, store: SegmentStore, prepared: Prepared):
        from segsweep.inference.trained_model import load_model  # with torch, which takes seconds to import

        self.prepared = prepared
        self.trained = load_model(plan, run, store, prepared)

    def refs(self) -> list[tuple[str, int]]:
        """The (split, index) of the images that the run was validated on."""
        from segsweep.data.splits import images_of_run

        return images_of_run(self.prepared, self.trained.train.data, self.trained.fold)[1]

    def predict(self, wanted: list[Unit]) -> list[Annotations]:
        """Predictions of units, in order."""
        import torch

        from segsweep.inference.pages import PageStitcher

        stitcher = PageStitcher()
        found: dict[str, Annotations] = {}
        with torch.inference_mode():
            for batch in self.trained.batches([(unit.split, i) for unit in wanted for i in unit.indices]):
                for (outputs,), images in stitcher.add([self.trained.forward(batch["image"])], batch):
                    predictions = self.trained.task.predict(outputs, images)
                    found |= {
                        name: _annotations(one, *size)
                        for name, one, size in zip(images["name"], predictions, images["size"], strict=True)
                    }
        stitcher.close()
        return [found[unit.name] for unit in wanted]


def _annotations(found: Any, height: int, width: int) -> Annotations:
    """A task's prediction of an image, without what the loader added at the right and bottom."""
    if not isinstance(found, dict):
        return Annotations(polygons=list(found.polygons), scores=np.asarray(found.scores))
    boxes = {name: found.get(name) for name in ("boxes", "labels", "scores")}
    return Annotations(mask=found["mask"][:height, :width], **boxes)


def _patches(split: Split, page: str) -> tuple[int, ...]:
    return tuple(i for i in range(len(split)) if split.page(i)["page"] == page)

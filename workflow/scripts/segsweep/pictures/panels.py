"""A picture, its truth, a prediction, its errors: as panels of a sheet."""

import cv2
import numpy as np

from segsweep.data.prepared import Prepared

from . import colours, draw
from .predict import Found

LEAST, MOST, MOST_PAGE, LABELLED = 200, 400, 620, 12
Legend = list[tuple[str, tuple[int, int, int]]]


class Painter:
    """Paints what a task finds. `show` is `predictions` or `errors`; sizes of panels are bounded in pixels."""

    def __init__(self, prepared: Prepared, show: str, *, most: int | None = None, least: int = LEAST):
        self.prepared, self.show = prepared, show
        self.colours = colours.of_classes(prepared.classes) if prepared.has_masks else np.zeros((0, 3), np.uint8)
        self.background = 0 if prepared.task == "binary" or colours.has_background(prepared.classes) else None
        if prepared.task == "binary":
            self.colours = np.array([(0, 0, 0), colours.OKABE_ITO[0]], np.uint8)
        self.least, self.most = least, most or MOST

    def plain(self, image: np.ndarray) -> np.ndarray:
        """The picture in the size of a panel."""
        return draw.fit(image, self.least, self.most)[0]

    def truth(self, image: np.ndarray, found: Found) -> np.ndarray:
        """The truth on the picture; beside errors in the colour of what is right."""
        if self.show == "errors" and found.mask is not None and self.background is not None:
            return self._scaled_mask(draw.errors(image, found.mask, found.mask, self.background))
        return self._painted(image, found, colours.TRUTH)

    def prediction(self, image: np.ndarray, found: Found, truth: Found) -> np.ndarray:
        """A prediction, or what is wrong with it."""
        if self.show == "predictions":
            return self._painted(image, found, colours.PREDICTION)
        if found.mask is not None:
            painted = draw.errors(image, truth.mask, found.mask, self.background)
            return self._scaled_mask(painted)
        shown, factor = draw.fit(image, self.least, self.most)
        right, wrong, missed = _matched(found.polygons, truth.polygons)
        outlines = [*right, *wrong, *missed]
        tints = [colours.RIGHT] * len(right) + [colours.FALSE_POSITIVE] * len(wrong)
        return draw.polygons(shown, outlines, tints + [colours.FALSE_NEGATIVE] * len(missed), factor)

    def legend(self, masks: list[np.ndarray]) -> Legend:
        """What the colours mean: of the classes only those that occur in `masks`."""
        if self.show == "errors":
            kinds = [("true positive", colours.RIGHT), ("false positive", colours.FALSE_POSITIVE)]
            kinds.append(("false negative", colours.FALSE_NEGATIVE))
            if self.prepared.has_masks and self.background is None:
                return [("wrong class", colours.OTHER_CLASS)]
            many = self.prepared.has_masks and self.prepared.num_classes > 2
            return kinds + ([("wrong class", colours.OTHER_CLASS)] if many else [])
        if not self.prepared.has_masks:
            return [("truth", colours.TRUTH), ("prediction", colours.PREDICTION)]
        there = sorted(set().union(*(set(np.unique(mask).tolist()) for mask in masks)) if masks else [])
        shown = [c for c in there if c < self.prepared.num_classes and c != self.background]
        entries = [(self.prepared.classes[c].replace("_", " "), tuple(self.colours[c].tolist())) for c in shown]
        return entries + ([("not scored (hatched)", colours.VOID)] if draw.VOID_VALUE in there else [])

    def _painted(self, image: np.ndarray, found: Found, colour: tuple[int, int, int]) -> np.ndarray:
        if found.mask is None:
            shown, factor = draw.fit(image, self.least, self.most)
            return draw.polygons(shown, found.polygons, [colour] * len(found.polygons), factor)
        painted = self._scaled_mask(draw.overlay(image, found.mask, self.colours, self.background))
        if found.boxes is None:
            return painted
        chosen = _clear(found)
        names = [self.prepared.classes[label + 1].replace("_", " ") for label in found.labels[chosen]]
        if found.scores is not None:
            names = [f"{name} {score:.2f}" for name, score in zip(names, found.scores[chosen], strict=True)]
        tints = [tuple(self.colours[label + 1].tolist()) for label in found.labels[chosen]]
        factor = max(painted.shape[:2]) / max(image.shape[:2])
        return draw.boxes(painted, found.boxes[chosen], names, tints, factor)

    def _scaled_mask(self, painted: np.ndarray) -> np.ndarray:
        return draw.fit(painted, self.least, self.most)[0]


def _clear(found: Found) -> np.ndarray:
    """Indices of the boxes to draw: all of the truth; of predictions the surest dozen of at least even score."""
    if found.scores is None:
        return np.arange(len(found.boxes))
    order = np.argsort(-found.scores, kind="stable")[:LABELLED]
    sure = order[found.scores[order] >= 0.5]
    return sure if len(sure) else order[:3]


def _matched(found: list[np.ndarray], truth: list[np.ndarray]) -> tuple[list[np.ndarray], ...]:
    """Found polygons that cover a true one (IoU of at least one half), those that do not, and true ones not found."""
    left = list(range(len(truth)))
    right, wrong = [], []
    for polygon in found:
        best = max(left, key=lambda j: _iou(polygon, truth[j]), default=None)
        if best is not None and _iou(polygon, truth[best]) >= 0.5:
            right.append(polygon)
            left.remove(best)
        else:
            wrong.append(polygon)
    return right, wrong, [truth[j] for j in left]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    """Of convex outlines; others count by their hulls."""
    one, other = (cv2.convexHull(np.asarray(part, np.float32)) for part in (one, other))
    common, _ = cv2.intersectConvexConvex(one, other)
    union = cv2.contourArea(one) + cv2.contourArea(other) - common
    return float(common / union) if union > 0 else 0.0

"""Panels of a sheet: an image, its ground truth, a prediction, its errors."""

from typing import NamedTuple

import numpy as np

from segsweep.data.prepared import Prepared
from segsweep.inference.predictor import Found
from segsweep.report.images import drawing
from segsweep.text.protocol import match

LEAST, MOST, MOST_PAGE, LABELLED = 200, 400, 620, 12
Legend = list[tuple[str, tuple[int, int, int]]]


class PanelPainter:
    """Draws the predictions of a task. `show` is `predictions` or `errors`; sizes of panels are bounded in pixels."""

    def __init__(self, prepared: Prepared, show: str, *, most: int | None = None, least: int = LEAST):
        self.prepared, self.show = prepared, show
        self.colours = drawing.class_colours(prepared.classes) if prepared.has_masks else np.zeros((0, 3), np.uint8)
        self.background = 0 if prepared.task == "binary" or drawing.has_background(prepared.classes) else None
        if prepared.task == "binary":
            self.colours = np.array([(0, 0, 0), drawing.OKABE_ITO[0]], np.uint8)
        self.least, self.most = least, most or MOST

    def plain(self, image: np.ndarray) -> np.ndarray:
        """The image in the size of a panel."""
        return drawing.fit(image, self.least, self.most)[0]

    def ground_truth(self, image: np.ndarray, found: Found) -> np.ndarray:
        """The ground truth on the image; beside errors in the colour of true positives."""
        if self.show == "errors" and found.mask is not None and self.background is not None:
            return self._scaled_mask(drawing.errors(image, found.mask, found.mask, self.background))
        return self._painted(image, found, drawing.GROUND_TRUTH)

    def prediction(self, image: np.ndarray, found: Found, ground_truth: Found) -> np.ndarray:
        """A prediction, or its errors."""
        if self.show == "predictions":
            return self._painted(image, found, drawing.PREDICTION)
        if found.mask is not None:
            painted = drawing.errors(image, ground_truth.mask, found.mask, self.background)
            return self._scaled_mask(painted)
        shown, factor = drawing.fit(image, self.least, self.most)
        parts = match_text(found, ground_truth)
        tints = (drawing.RIGHT, drawing.FALSE_POSITIVE, drawing.FALSE_NEGATIVE)
        for outlines, tint in zip(parts[:3], tints, strict=True):
            shown = drawing.polygons(shown, outlines, [tint] * len(outlines), factor)
        return drawing.dashed(shown, parts.unscored, drawing.UNSCORED, factor)

    def legend(self, shown: list[Found]) -> Legend:
        """What the colours mean: of the classes only those that occur in what is shown."""
        unscored = any(found.ignored is not None and np.any(found.ignored) for found in shown)
        dashed = [("not scored (dashed)", drawing.UNSCORED)] if unscored else []
        return self._kinds(shown) + (dashed if self.show == "predictions" or not self.prepared.has_masks else [])

    def _kinds(self, shown: list[Found]) -> Legend:
        if self.show == "errors":
            kinds = [("true positive", drawing.RIGHT), ("false positive", drawing.FALSE_POSITIVE)]
            kinds.append(("false negative", drawing.FALSE_NEGATIVE))
            if self.prepared.has_masks and self.background is None:
                return [("wrong class", drawing.OTHER_CLASS)]
            many = self.prepared.has_masks and self.prepared.num_classes > 2
            return kinds + ([("wrong class", drawing.OTHER_CLASS)] if many else [])
        if not self.prepared.has_masks:
            return [("ground truth", drawing.GROUND_TRUTH), ("prediction", drawing.PREDICTION)]
        there = sorted(set().union(*(np.unique(found.mask).tolist() for found in shown if found.mask is not None)))
        classes = [c for c in there if c < self.prepared.num_classes and c != self.background]
        entries = [(self.prepared.classes[c].replace("_", " "), tuple(self.colours[c].tolist())) for c in classes]
        return entries + ([("not scored (hatched)", drawing.VOID_COLOUR)] if drawing.VOID in there else [])

    def _painted(self, image: np.ndarray, found: Found, colour: tuple[int, int, int]) -> np.ndarray:
        if found.mask is None:
            shown, factor = drawing.fit(image, self.least, self.most)
            ignored = _ignored(found, len(found.polygons))
            scored, unscored = (
                [polygon for polygon, skip in zip(found.polygons, ignored, strict=True) if skip == which]
                for which in (False, True)
            )
            shown = drawing.polygons(shown, scored, [colour] * len(scored), factor)
            return drawing.dashed(shown, unscored, drawing.UNSCORED, factor)
        painted = self._scaled_mask(drawing.overlay(image, found.mask, self.colours, self.background))
        if found.boxes is None:
            return painted
        ignored = _ignored(found, len(found.boxes))
        chosen = _clear(found)
        chosen = chosen[~ignored[chosen]]
        names = [self.prepared.classes[label + 1].replace("_", " ") for label in found.labels[chosen]]
        if found.scores is not None:
            names = [f"{name} {score:.2f}" for name, score in zip(names, found.scores[chosen], strict=True)]
        tints = [tuple(self.colours[label + 1].tolist()) for label in found.labels[chosen]]
        factor = max(painted.shape[:2]) / max(image.shape[:2])
        painted = drawing.dashed(painted, [_corners(box) for box in found.boxes[ignored]], drawing.UNSCORED, factor)
        return drawing.boxes(painted, found.boxes[chosen], names, tints, factor)

    def _scaled_mask(self, painted: np.ndarray) -> np.ndarray:
        return drawing.fit(painted, self.least, self.most)[0]


def _corners(box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _clear(found: Found) -> np.ndarray:
    """Indices of the boxes to draw: all of the ground truth; of predictions the best twelve that score 0.5 or more."""
    if found.scores is None:
        return np.arange(len(found.boxes))
    order = np.argsort(-found.scores, kind="stable")[:LABELLED]
    sure = order[found.scores[order] >= 0.5]
    return sure if len(sure) else order[:3]


class TextMatches(NamedTuple):
    """Outlines of an image's text, sorted by the protocol that scores it."""

    true_positives: list[np.ndarray]
    false_positives: list[np.ndarray]
    false_negatives: list[np.ndarray]
    unscored: list[np.ndarray]  # ground truth that is ignored, and detections of it


def match_text(found: Found, ground_truth: Found) -> TextMatches:
    """Sorts the detections and the ground truth of an image."""
    ignored = _ignored(ground_truth, len(ground_truth.polygons))
    matched = match(ground_truth.polygons, ignored, found.polygons)
    words, detections = ({pair[side] for pair in matched.pairs} for side in (0, 1))
    detected = list(enumerate(found.polygons))
    return TextMatches(
        [polygon for i, polygon in detected if i in detections],
        [polygon for i, polygon in detected if i not in detections and not matched.dont_care[i]],
        [polygon for i, polygon in enumerate(ground_truth.polygons) if i not in words and not ignored[i]],
        [polygon for i, polygon in enumerate(ground_truth.polygons) if ignored[i]]
        + [polygon for i, polygon in detected if matched.dont_care[i]],
    )


def _ignored(found: Found, count: int) -> np.ndarray:
    return np.zeros(count, bool) if found.ignored is None else np.asarray(found.ignored, bool)

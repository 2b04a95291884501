"""A picture, its truth, a prediction, its errors: as panels of a sheet."""

from typing import NamedTuple

import numpy as np

from segsweep.data.prepared import Prepared
from segsweep.inference.predictor import Found
from segsweep.report.images import colours, draw
from segsweep.text.protocol import match

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
        parts = judged(found, truth)
        tints = (colours.RIGHT, colours.FALSE_POSITIVE, colours.FALSE_NEGATIVE)
        for outlines, tint in zip((parts.right, parts.wrong, parts.missed), tints, strict=True):
            shown = draw.polygons(shown, outlines, [tint] * len(outlines), factor)
        return draw.dashed(shown, parts.unscored, colours.UNSCORED, factor)

    def legend(self, shown: list[Found]) -> Legend:
        """What the colours mean: of the classes only those that occur in what is shown."""
        unscored = any(found.ignored is not None and np.any(found.ignored) for found in shown)
        dashed = [("not scored (dashed)", colours.UNSCORED)] if unscored else []
        return self._kinds(shown) + (dashed if self.show == "predictions" or not self.prepared.has_masks else [])

    def _kinds(self, shown: list[Found]) -> Legend:
        if self.show == "errors":
            kinds = [("true positive", colours.RIGHT), ("false positive", colours.FALSE_POSITIVE)]
            kinds.append(("false negative", colours.FALSE_NEGATIVE))
            if self.prepared.has_masks and self.background is None:
                return [("wrong class", colours.OTHER_CLASS)]
            many = self.prepared.has_masks and self.prepared.num_classes > 2
            return kinds + ([("wrong class", colours.OTHER_CLASS)] if many else [])
        if not self.prepared.has_masks:
            return [("truth", colours.TRUTH), ("prediction", colours.PREDICTION)]
        there = sorted(set().union(*(np.unique(found.mask).tolist() for found in shown if found.mask is not None)))
        classes = [c for c in there if c < self.prepared.num_classes and c != self.background]
        entries = [(self.prepared.classes[c].replace("_", " "), tuple(self.colours[c].tolist())) for c in classes]
        return entries + ([("not scored (hatched)", colours.VOID)] if draw.VOID_VALUE in there else [])

    def _painted(self, image: np.ndarray, found: Found, colour: tuple[int, int, int]) -> np.ndarray:
        if found.mask is None:
            shown, factor = draw.fit(image, self.least, self.most)
            ignored = _ignored(found, len(found.polygons))
            scored, unscored = (
                [polygon for polygon, skip in zip(found.polygons, ignored, strict=True) if skip == which]
                for which in (False, True)
            )
            shown = draw.polygons(shown, scored, [colour] * len(scored), factor)
            return draw.dashed(shown, unscored, colours.UNSCORED, factor)
        painted = self._scaled_mask(draw.overlay(image, found.mask, self.colours, self.background))
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
        painted = draw.dashed(painted, [_corners(box) for box in found.boxes[ignored]], colours.UNSCORED, factor)
        return draw.boxes(painted, found.boxes[chosen], names, tints, factor)

    def _scaled_mask(self, painted: np.ndarray) -> np.ndarray:
        return draw.fit(painted, self.least, self.most)[0]


def _corners(box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _clear(found: Found) -> np.ndarray:
    """Indices of the boxes to draw: all of the truth; of predictions the surest dozen of at least even score."""
    if found.scores is None:
        return np.arange(len(found.boxes))
    order = np.argsort(-found.scores, kind="stable")[:LABELLED]
    sure = order[found.scores[order] >= 0.5]
    return sure if len(sure) else order[:3]


class Judged(NamedTuple):
    """Outlines of a picture's text, parted by the protocol that scores it."""

    right: list[np.ndarray]
    wrong: list[np.ndarray]
    missed: list[np.ndarray]
    unscored: list[np.ndarray]  # words that do not count, and what was found in them


def judged(found: Found, truth: Found) -> Judged:
    """What was found of a picture's text, and what was not."""
    ignored = _ignored(truth, len(truth.polygons))
    matched = match(truth.polygons, ignored, found.polygons)
    words, right = ({pair[side] for pair in matched.pairs} for side in (0, 1))
    there = list(enumerate(found.polygons))
    return Judged(
        [polygon for i, polygon in there if i in right],
        [polygon for i, polygon in there if i not in right and not matched.dont_care[i]],
        [polygon for i, polygon in enumerate(truth.polygons) if i not in words and not ignored[i]],
        [polygon for i, polygon in enumerate(truth.polygons) if ignored[i]]
        + [polygon for i, polygon in there if matched.dont_care[i]],
    )


def _ignored(found: Found, count: int) -> np.ndarray:
    return np.zeros(count, bool) if found.ignored is None else np.asarray(found.ignored, bool)

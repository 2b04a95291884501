"""Sheets of panels: an image, its ground truth, predictions, their errors, with headings and a legend."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segsweep.config.dataset_keys import BY_LABEL
from segsweep.data.prepared import Prepared
from segsweep.inference.predictor import Annotations
from segsweep.io import write_bytes
from segsweep.report.images import drawing
from segsweep.text.protocol import match

INK, SOFT, PAPER = (29, 36, 48), (91, 101, 117), (255, 255, 255)
GAP, TEXT_SIZE = 8, 14


@dataclass(frozen=True)
class Panel:
    """An image, uint8 (H, W, 3), below a heading; without an image, a text in its place."""

    heading: str
    image: np.ndarray | None = None
    instead: str = ""


def compose(
    rows: list[list[Panel]], legend: list[tuple[str, tuple[int, int, int]]], sides: list[str] | None = None
) -> Image.Image:
    """A sheet: rows of panels, a heading above each, `sides` to the left of the rows, the legend below."""
    font = ImageFont.load_default(TEXT_SIZE)
    columns = max(len(row) for row in rows)
    widths = [_largest([row[i] for row in rows if i < len(row)], 1) for i in range(columns)]
    heights = [_largest(row, 0) for row in rows]
    widths = [width or max(widths) or 120 for width in widths]
    heights = [height or max(heights) or 80 for height in heights]
    headings = [
        max((_lines(font, panel.heading, width) for panel, width in zip(row, widths, strict=False)), key=len)
        for row in rows
    ]
    above = [len(lines) * (TEXT_SIZE + 4) for lines in headings]
    left = max((_wide(font, side) for side in sides or []), default=0)
    left = left + 2 * GAP if left else GAP
    width = left + sum(widths) + GAP * columns
    entries = _legend_rows(font, legend, width - 2 * GAP)
    height = (
        GAP + sum(heights) + sum(above) + GAP * len(rows) + (len(entries) * (TEXT_SIZE + 10) + GAP if entries else 0)
    )
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    top = GAP
    for row, panel_height, room, side in zip(rows, heights, above, sides or [""] * len(rows), strict=True):
        pen.text((GAP, top + room + panel_height // 2), side, INK, font, anchor="lm")
        x = left
        for panel, panel_width in zip(row, widths, strict=False):
            for i, line in enumerate(_lines(font, panel.heading, panel_width)):
                pen.text((x, top + i * (TEXT_SIZE + 4)), line, INK, font)
            _paste(sheet, pen, font, panel, (x, top + room, panel_width, panel_height))
            x += panel_width + GAP
        top += room + panel_height + GAP
    for entry in entries:
        for x, name, colour in entry:
            pen.rectangle((GAP + x, top + 3, GAP + x + 13, top + 16), colour, SOFT)
            pen.text((GAP + x + 19, top + 1), name, INK, font)
        top += TEXT_SIZE + 10
    return sheet


def save(sheet: Image.Image, path: Path, most: int = 1800) -> None:
    """Writes a sheet as a small JPEG; wider or higher ones than `most` pixels are scaled down."""
    sheet.thumbnail((most, most), Image.Resampling.LANCZOS)
    write_bytes(path, lambda file: sheet.save(file, "JPEG", quality=82, optimize=True, subsampling=0))


def _paste(sheet: Image.Image, pen: ImageDraw.ImageDraw, font, panel: Panel, area: tuple[int, int, int, int]) -> None:
    x, y, width, height = area
    if panel.image is not None:
        sheet.paste(Image.fromarray(panel.image), (x, y))
        return
    pen.rectangle((x, y, x + width - 1, y + height - 1), (244, 246, 249), (217, 222, 230))
    for i, line in enumerate(_lines(font, panel.instead, width - 8)):
        pen.text((x + 6, y + 6 + i * (TEXT_SIZE + 4)), line, SOFT, font)


def _largest(panels: list[Panel], side: int) -> int:
    return max((panel.image.shape[side] for panel in panels if panel.image is not None), default=0)


def _wide(font, text: str) -> int:
    return int(np.ceil(font.getlength(text)))


def _lines(font, text: str, width: int) -> list[str]:
    """The text in lines that fit; a word that is too long is shortened."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _wide(font, longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line if _wide(font, line) <= width else _cut(font, line, width) for line in lines if line]


def _cut(font, text: str, width: int) -> str:
    while len(text) > 2 and _wide(font, text + "…") > width:
        text = text[:-1]
    return text + "…"


def _legend_rows(
    font, legend: list[tuple[str, tuple[int, int, int]]], width: int
) -> list[list[tuple[int, str, tuple[int, int, int]]]]:
    rows, x = [[]], 0
    for name, colour in legend:
        need = _wide(font, name) + 19 + 18
        if x and x + need > width:
            rows.append([])
            x = 0
        rows[-1].append((x, name, tuple(int(part) for part in colour)))
        x += need
    return [row for row in rows if row]


LEAST, MOST, MOST_PAGE, LABELLED = 200, 400, 620, 12
Legend = list[tuple[str, tuple[int, int, int]]]


class PanelPainter:
    """Draws the predictions of a task. `show` is `predictions` or `errors`; sizes of panels are bounded in pixels."""

    def __init__(self, prepared: Prepared, show: str, *, most: int | None = None, least: int = LEAST):
        self.prepared, self.show = prepared, show
        self.by_label = prepared.task in BY_LABEL
        self.names = ["background", *prepared.classes] if self.by_label else list(prepared.classes)
        self.colours = drawing.class_colours(self.names) if prepared.has_masks else np.zeros((0, 3), np.uint8)
        self.background = 0 if prepared.task == "binary" or drawing.has_background(self.names) else None
        if prepared.task == "binary":
            self.colours = np.array([(0, 0, 0), drawing.OKABE_ITO[0]], np.uint8)
        self.least, self.most = least, most or MOST

    def plain(self, image: np.ndarray) -> np.ndarray:
        """The image in the size of a panel."""
        return drawing.fit(image, self.least, self.most)[0]

    def ground_truth(self, image: np.ndarray, found: Annotations) -> np.ndarray:
        """The ground truth on the image; beside errors in the colour of true positives."""
        if self.show == "errors" and found.mask is not None and self.background is not None:
            return self._scaled_mask(drawing.errors(image, found.mask, found.mask, self.background))
        return self._painted(image, found, drawing.GROUND_TRUTH)

    def prediction(self, image: np.ndarray, found: Annotations, ground_truth: Annotations) -> np.ndarray:
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

    def legend(self, shown: list[Annotations]) -> Legend:
        """What the colours mean: of the classes only those that occur in what is shown."""
        unscored = any(found.ignored is not None and np.any(found.ignored) for found in shown)
        dashed = [("not scored (dashed)", drawing.UNSCORED)] if unscored else []
        return self._kinds(shown) + (dashed if self.show == "predictions" or not self.prepared.has_masks else [])

    def _kinds(self, shown: list[Annotations]) -> Legend:
        if self.show == "errors":
            kinds = [("true positive", drawing.RIGHT), ("false positive", drawing.FALSE_POSITIVE)]
            kinds.append(("false negative", drawing.FALSE_NEGATIVE))
            if self.prepared.has_masks and self.background is None:
                return [("wrong class", drawing.OTHER_CLASS)]
            other = "some labels wrong" if self.by_label else "wrong class"
            return kinds + ([(other, drawing.OTHER_CLASS)] if self.prepared.has_masks and len(self.names) > 2 else [])
        if not self.prepared.has_masks:
            return [("ground truth", drawing.GROUND_TRUTH), ("prediction", drawing.PREDICTION)]
        masks = [self._classes(found.mask) for found in shown if found.mask is not None]
        there = sorted(set().union(*(np.unique(mask).tolist() for mask in masks)))
        classes = [c for c in there if c < len(self.names) and c != self.background]
        entries = [(self.names[c].replace("_", " "), tuple(self.colours[c].tolist())) for c in classes]
        return entries + ([("not scored (hatched)", drawing.VOID_COLOUR)] if drawing.VOID in there else [])

    def _painted(self, image: np.ndarray, found: Annotations, colour: tuple[int, int, int]) -> np.ndarray:
        if found.mask is None:
            shown, factor = drawing.fit(image, self.least, self.most)
            ignored = _ignored(found, len(found.polygons))
            scored, unscored = (
                [polygon for polygon, skip in zip(found.polygons, ignored, strict=True) if skip == which]
                for which in (False, True)
            )
            shown = drawing.polygons(shown, scored, [colour] * len(scored), factor)
            return drawing.dashed(shown, unscored, drawing.UNSCORED, factor)
        painted = self._scaled_mask(drawing.overlay(image, self._classes(found.mask), self.colours, self.background))
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

    def _classes(self, mask: np.ndarray) -> np.ndarray:
        """The mask as classes to be painted, numbered as `names`."""
        return drawing.striped(mask, self.prepared.num_classes) if self.by_label else mask

    def _scaled_mask(self, painted: np.ndarray) -> np.ndarray:
        return drawing.fit(painted, self.least, self.most)[0]


def _corners(box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _clear(found: Annotations) -> np.ndarray:
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


def match_text(found: Annotations, ground_truth: Annotations) -> TextMatches:
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


def _ignored(found: Annotations, count: int) -> np.ndarray:
    return np.zeros(count, bool) if found.ignored is None else np.asarray(found.ignored, bool)

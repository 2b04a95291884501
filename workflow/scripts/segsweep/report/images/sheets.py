"""Panels side by side with headings and a legend, as one image file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

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
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.thumbnail((most, most), Image.Resampling.LANCZOS)
    sheet.save(path, quality=82, optimize=True, subsampling=0)


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

"""Masks, errors, boxes and polygons drawn on an image, in colours that are safe for colour-blind people.

Images are uint8 (H, W, 3), masks uint8 (H, W) with `VOID` where pixels are not scored.

Source: Okabe & Ito, "Color Universal Design", 2008; Tol, "Colour schemes", SRON technical note, 2021.
"""

import cv2
import numpy as np

from segsweep.data.label_masks import unpack
from segsweep.data.void import VOID

DASH = 4.0  # pixels of a panel
STRIPE = 3  # pixels of an image
RIGHT, FALSE_POSITIVE, FALSE_NEGATIVE, OTHER_CLASS = (64, 64, 64), (230, 159, 0), (0, 114, 178), (204, 121, 167)
VOID_COLOUR, UNSCORED = (255, 255, 255), (220, 220, 220)
GROUND_TRUTH, PREDICTION = (0, 158, 115), (213, 94, 0)

OKABE_ITO = [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)]
# For more classes than seven no scheme is safe; Tol's discrete rainbow keeps lightness apart, and legends name classes.
RAINBOW = [
    (209, 187, 215), (174, 118, 163), (136, 46, 114), (25, 101, 176), (82, 137, 199), (123, 175, 222), (78, 178, 101),
    (144, 201, 135), (202, 224, 171), (247, 240, 86), (246, 193, 65), (241, 147, 45), (232, 96, 28), (220, 5, 12),
    (114, 25, 14), (119, 119, 119), (66, 33, 80), (0, 68, 85), (51, 117, 56), (190, 160, 110),
]  # fmt: skip


def class_colours(names: list[str]) -> np.ndarray:
    """One colour a class, uint8 (C, 3). A first class named background is black and stays unpainted in overlays."""
    rest = names[1:] if has_background(names) else names
    colours = OKABE_ITO if len(rest) <= len(OKABE_ITO) else RAINBOW
    chosen = [colours[i % len(colours)] for i in range(len(rest))]
    return np.array(([(0, 0, 0)] if has_background(names) else []) + chosen, dtype=np.uint8).reshape(-1, 3)


def has_background(names: list[str]) -> bool:
    """Whether the first class is the background."""
    return bool(names) and names[0].lower() in ("background", "paper")


def overlay(image: np.ndarray, mask: np.ndarray, colours: np.ndarray, unpainted: int | None = None) -> np.ndarray:
    """Classes as transparent colour; `unpainted` is a class that shows the image alone, void is hatched white."""
    painted = np.zeros_like(image)
    known = mask < len(colours)
    painted[known] = colours[mask[known]]
    shown = known if unpainted is None else known & (mask != unpainted)
    result = image.copy()
    result[shown] = (0.4 * image[shown] + 0.6 * painted[shown]).astype(np.uint8)
    rows, columns = np.indices(mask.shape)
    result[(mask == VOID) & ((rows + columns) // 2 % 3 == 0)] = VOID_COLOUR
    return result


def striped(mask: np.ndarray, labels: int) -> np.ndarray:
    """Labels as bits made classes to be painted: 0 without a label, i + 1 with the label i, 255 for void.

    Where a pixel carries several labels, diagonal stripes of them take turns.
    """
    carried = unpack(mask, labels) == 1  # (C, H, W)
    rows, columns = np.indices(mask.shape)
    turn = (rows + columns) // STRIPE % np.maximum(carried.sum(axis=0), 1)
    shown = carried & (carried.cumsum(axis=0) - 1 == turn)
    return np.where(mask == VOID, VOID, np.where(shown.any(axis=0), shown.argmax(axis=0) + 1, 0)).astype(np.uint8)


def errors(image: np.ndarray, ground_truth: np.ndarray, predicted: np.ndarray, background: int | None) -> np.ndarray:
    """Where a prediction is right and where it is not, on a paled image.

    With a background class: true positives dark, false positives orange, false negatives blue, a wrong class
    purple. Without one, right pixels show the image and wrong ones are purple. Void pixels are not scored.
    """
    grey = image.mean(axis=2, keepdims=True)
    result = np.repeat(200 + grey * (55 / 255), 3, axis=2).astype(np.uint8)
    scored = ground_truth != VOID
    wrong = scored & (ground_truth != predicted)
    if background is None:
        result = np.where(wrong[..., None], result, (0.5 * image + 0.5 * result).astype(np.uint8))
        result[wrong] = OTHER_CLASS
        return result
    found, there = predicted != background, ground_truth != background
    result[scored & there & (ground_truth == predicted)] = RIGHT
    result[wrong & found & there] = OTHER_CLASS
    result[wrong & found & ~there] = FALSE_POSITIVE
    result[wrong & ~found & there] = FALSE_NEGATIVE
    return result


def boxes(
    image: np.ndarray, corners: np.ndarray, labels: list[str], colours: list[tuple[int, int, int]], scale: float = 1.0
) -> np.ndarray:
    """Boxes, float (n, 4) x1 y1 x2 y2 with right and bottom exclusive, each with its label on a filled tag."""
    result = np.ascontiguousarray(image.copy())
    for (left, top, right, bottom), label, colour in zip(corners * scale, labels, colours, strict=True):
        first, last = (round(float(left)), round(float(top))), (round(float(right)) - 1, round(float(bottom)) - 1)
        cv2.rectangle(result, first, last, tuple(map(int, colour)), 2)
        if label:
            _tag(result, label, first, colour)
    return result


def polygons(
    image: np.ndarray, outlines: list[np.ndarray], colours: list[tuple[int, int, int]], scale: float = 1.0
) -> np.ndarray:
    """Closed outlines, each float (k, 2) of x and y, transparent inside."""
    result = np.ascontiguousarray(image.copy())
    for outline, colour in zip(outlines, colours, strict=True):
        points = np.round(np.asarray(outline, dtype=np.float64) * scale).astype(np.int32).reshape(-1, 1, 2)
        filled = result.copy()
        cv2.fillPoly(filled, [points], tuple(map(int, colour)))
        result = cv2.addWeighted(filled, 0.25, result, 0.75, 0)
        cv2.polylines(result, [points], True, tuple(map(int, colour)), 2, cv2.LINE_AA)
    return result


def dashed(
    image: np.ndarray, outlines: list[np.ndarray], colour: tuple[int, int, int], scale: float = 1.0
) -> np.ndarray:
    """Closed outlines, each float (k, 2) of x and y, thin, dashes of the colour on black, nothing inside."""
    result = np.ascontiguousarray(image.copy())
    for outline in outlines:
        corners = np.asarray(outline, dtype=np.float64) * scale
        points = np.round(corners).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(result, [points], True, (0, 0, 0), 1)
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            length = float(np.hypot(*(end - start)))
            for first in np.arange(0.0, length, 2 * DASH):
                reach = np.array([first, min(first + DASH, length)])[:, None] / length
                ends = np.round(start + (end - start) * reach).astype(int)
                cv2.line(result, ends[0].tolist(), ends[1].tolist(), colour, 1)
    return result


def fit(image: np.ndarray, least: int, most: int) -> tuple[np.ndarray, float]:
    """An image scaled so that its longer side lies between two bounds, and the factor. Enlarged pixels stay square."""
    longer = max(image.shape[:2])
    if longer > most:
        factor = most / longer
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA), factor
    factor = max(1, -(-least // longer))
    return np.ascontiguousarray(image.repeat(factor, axis=0).repeat(factor, axis=1)), float(factor)


def _tag(image: np.ndarray, text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 1)
    left = max(0, min(corner[0], image.shape[1] - width - 4))
    top = corner[1] - height - base - 2 if corner[1] > height + base + 2 else corner[1]
    cv2.rectangle(image, (left, top), (left + width + 4, top + height + base + 2), tuple(map(int, colour)), -1)
    dark = sum(colour) > 380
    cv2.putText(
        image,
        text,
        (left + 2, top + height + 1),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.38,
        (0, 0, 0) if dark else (255,) * 3,
        1,
        cv2.LINE_AA,
    )

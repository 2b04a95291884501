"""Masks, errors, boxes, polygons on a picture. Pictures are uint8 (H, W, 3), masks uint8 (H, W), 255 void."""

import cv2
import numpy as np

from segsweep.data.void import VOID as VOID_VALUE
from segsweep.report.images.colours import FALSE_NEGATIVE, FALSE_POSITIVE, OTHER_CLASS, RIGHT, VOID

DASH = 4.0  # pixels of a panel


def overlay(image: np.ndarray, mask: np.ndarray, colours: np.ndarray, unpainted: int | None = None) -> np.ndarray:
    """Classes as transparent colour; `unpainted` is a class that shows the picture alone, void is hatched white."""
    painted = np.zeros_like(image)
    known = mask < len(colours)
    painted[known] = colours[mask[known]]
    shown = known if unpainted is None else known & (mask != unpainted)
    result = image.copy()
    result[shown] = (0.4 * image[shown] + 0.6 * painted[shown]).astype(np.uint8)
    rows, columns = np.indices(mask.shape)
    result[(mask == VOID_VALUE) & ((rows + columns) // 2 % 3 == 0)] = VOID
    return result


def errors(image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, background: int | None) -> np.ndarray:
    """Where a prediction is right and where it is not, on a paled picture.

    With a background class: true positives dark, false positives orange, false negatives blue, a wrong class
    purple. Without one, right pixels show the picture and wrong ones are purple. Void pixels are not judged.
    """
    grey = image.mean(axis=2, keepdims=True)
    result = np.repeat(200 + grey * (55 / 255), 3, axis=2).astype(np.uint8)
    judged = truth != VOID_VALUE
    wrong = judged & (truth != predicted)
    if background is None:
        result = np.where(wrong[..., None], result, (0.5 * image + 0.5 * result).astype(np.uint8))
        result[wrong] = OTHER_CLASS
        return result
    found, there = predicted != background, truth != background
    result[judged & there & (truth == predicted)] = RIGHT
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
    """A picture scaled so that its longer side lies between two bounds, and the factor. Enlarged pixels stay square."""
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

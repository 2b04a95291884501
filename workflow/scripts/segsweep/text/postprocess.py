"""From a probability map to text polygons."""

from typing import NamedTuple

import cv2
import numpy as np

from segsweep.config.train import Postprocess
from segsweep.text.geometry import HALF, offset, rotated_box, unclip_distance

MIN_SIDE = 3.0  # pixels; thinner blobs are noise
DETAIL = 0.002  # of a contour's length: what is straightened in polygons


class Detections(NamedTuple):
    """Text found in one image."""

    polygons: list[np.ndarray]  # float32 (k, 2), x and y in pixels; clockwise from the upper left where k is 4
    scores: np.ndarray  # float32 (n,), mean probability inside


def detect(probability: np.ndarray, settings: Postprocess) -> Detections:
    """Polygons of a probability map, float (H, W) in 0..1.

    Regions above `thresh` (`max_candidates` at most) are kept if their mean probability is at least
    `box_thresh`, grown by area * `unclip_ratio` / perimeter, and given as rotated boxes or polygons.

    Source: Liao et al. 2020, section 3.6, and the authors' code (seg_detector_representer.py). Unlike there, holes in a
    region are no candidates, and nothing is rounded.
    """
    probability = np.ascontiguousarray(probability, dtype=np.float32)
    height, width = probability.shape
    bitmap = (probability > settings.thresh).astype(np.uint8)
    contours, hierarchy = cv2.findContours(bitmap, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer = [c for c, links in zip(contours, hierarchy[0], strict=True) if links[3] < 0] if len(contours) else []
    polygons, scores = [], []
    for contour in outer[: settings.max_candidates]:
        found = _grow(contour.reshape(-1, 2), probability, settings)
        if found is not None:
            polygons.append(np.clip(found[0] + HALF, 0, (width, height)).astype(np.float32))
            scores.append(found[1])
    return Detections(polygons, np.array(scores, dtype=np.float32))


def _grow(contour: np.ndarray, probability: np.ndarray, settings: Postprocess) -> tuple[np.ndarray, float] | None:
    box, side = rotated_box(contour)
    if side < MIN_SIDE:
        return None
    if settings.shape == "polygon":
        closed = contour.reshape(-1, 1, 2)
        box = cv2.approxPolyDP(closed, DETAIL * cv2.arcLength(closed, True), True).reshape(-1, 2).astype(np.float32)
        if len(box) < 4:
            return None
    score = mean_inside(probability, box)
    if score < settings.box_thresh:
        return None
    grown = offset(box, unclip_distance(box, settings.unclip_ratio))
    if len(grown) != 1:
        return None
    rectangle, side = rotated_box(grown[0])
    if side < MIN_SIDE + 2:
        return None
    return (rectangle if settings.shape == "quad" else grown[0]), score


def mean_inside(probability: np.ndarray, polygon: np.ndarray) -> float:
    """Mean of the map (H, W) over the pixels of a polygon (k, 2)."""
    height, width = probability.shape
    x0, y0 = np.clip(np.floor(polygon.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    x1, y1 = np.clip(np.ceil(polygon.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon - (x0, y0)).astype(np.int32).reshape(-1, 1, 2)], 1)
    return float(probability[y0 : y1 + 1, x0 : x1 + 1][mask > 0].mean()) if mask.any() else 0.0

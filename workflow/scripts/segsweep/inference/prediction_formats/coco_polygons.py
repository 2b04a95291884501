"""Connected components of the classes as COCO instances, with polygons."""

from typing import Any, ClassVar

import numpy as np
import shapely

from segsweep.config.components import PredictionFormat
from segsweep.inference.mask_objects import MaskObject, outline, without_holes
from segsweep.inference.prediction_formats import coco


class CocoPolygons(PredictionFormat):
    """Connected components of the classes as COCO instances, with polygons, for programs that read no run lengths."""

    title: ClassVar[str] = "objects as COCO instances (polygons)"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(coco.Writer):
    """coco_polygons.json: as coco.json, with the outline of each component along the edges of its pixels.

    COCO's polygons know no holes: a component with holes is cut into several that have none.
    """

    file: ClassVar[str] = "coco_polygons.json"

    def segmentation(self, found: MaskObject, size: tuple[int, int]) -> Any:
        """The outline of an object: [x1, y1, x2, y2, ...] for each part."""
        parts = [part for polygon in shapely.get_parts(outline(found)) for part in without_holes(polygon)]
        return [np.asarray(part.exterior.coords[:-1], int).ravel().tolist() for part in parts]

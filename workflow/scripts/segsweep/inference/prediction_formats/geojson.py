"""Objects of georeferenced images as GeoJSON."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import shapely

from segsweep.config.components import PredictionFormat
from segsweep.data.georeference import georeference
from segsweep.inference.mask_objects import objects_in, outline
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.io import write_json

WGS84 = 4326  # what GeoJSON's coordinates are where it does not say otherwise


class GeoJson(PredictionFormat):
    """Objects of georeferenced images as GeoJSON."""

    title: ClassVar[str] = "objects as GeoJSON where the image is a GeoTIFF"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(FormatWriter):
    """geojson/<image>.geojson: a feature for each connected component, with its outline along the edges of its pixels,
    and `class`, `score` and `pixels`.

    Coordinates are those of the image's own reference system, which the member `crs` names where it is not WGS 84, as
    QGIS and GDAL read and write it. Source: the GeoJSON format, 2008 (`crs`); RFC 7946.
    """

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        return [self.folder / "geojson" / f"{name}.geojson"]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> str | None:
        """See `FormatWriter`."""
        if not predicted.tags:
            return "the image has no GeoTIFF tags that say where it lies. Choose the format coco_polygons for it."
        try:
            place = georeference(predicted.tags)
        except ValueError as error:
            return f"{error}. Choose the format coco_polygons for it."
        features = []
        for one in objects_in(predicted, self.subject):
            parts = shapely.orient_polygons(shapely.transform(outline(one), place))
            geometry = parts if len(parts.geoms) > 1 else parts.geoms[0]
            properties = {"class": self.subject.classes[one.index], "score": one.score, "pixels": one.area}
            features.append(
                {"type": "Feature", "geometry": shapely.geometry.mapping(geometry), "properties": properties}
            )
        content: dict[str, Any] = {"type": "FeatureCollection"}
        if place.epsg != WGS84:
            content["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{place.epsg}"}}
        (path,) = self.files(predicted.name)
        write_json(path, content | {"features": features}, indent=None)
        return None

"""Files of a scored ensemble: ensemble.json, ensemble.csv, ensemble_images.csv."""

import json
import math
from pathlib import Path
from typing import Any

from segsweep.tables import write_rows

FRONT = ["cell", "run", "method", "members", "fold", "own"]


def write(found: dict[str, Any], folder: Path) -> None:
    """Write what `scoring.score` found.

    ensemble.csv: the ensemble first, the single model, the members; cell, run, method, members (models in it), fold,
    own (the score on its own validation pictures that chose its checkpoint), scores with their split (`val/miou`).
    ensemble_images.csv: run (`ensemble`, `single`, or a member's), cell, image, scores of the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, cell = found["rows"], found.get("cell")
    names = list(rows[0]["scores"]) if rows else []
    ordered = sorted(names, key=lambda name: name != found["metric"])
    flat = [{"cell": cell} | row | row["scores"] for row in rows]
    write_rows(folder / "ensemble.csv", [*FRONT, *ordered], flat)
    images = [
        {"run": _voice(row), "cell": cell} | image for row in rows for image in row["images"]
    ]  # fmt: skip
    header = list(dict.fromkeys(name for image in images for name in image)) or ["run", "cell", "image"]
    write_rows(folder / "ensemble_images.csv", header, images)
    text = json.dumps(_finite(found), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "ensemble.json").write_text(text + "\n", encoding="utf-8")


def _voice(row: dict[str, Any]) -> str:
    return "single" if row["method"] == "single model" else row["run"]


def _finite(value: Any) -> Any:
    """The same with None for what is no number."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Predictions of the best settings, drawn by `draw_images`."""

import json
from typing import ClassVar

from segsweep.config.components import Section
from segsweep.io import regular
from segsweep.report.markdown import blocks, image
from segsweep.report.quoted_results import QuotedResults


class Images(Section):
    """Predictions of the best settings, drawn by `draw_images`."""

    title: ClassVar[str] = "Images"
    order: ClassVar[int] = 110


def write(results: QuotedResults) -> str:
    """If predictions were drawn."""
    file = results.folder / "images" / "images.json"
    if not file.is_file():
        return ""
    entries = json.loads(regular(file).read_text(encoding="utf-8"))
    shown = []
    for i, entry in enumerate(entries):
        if not (results.output / entry["file"]).is_file():
            continue
        caption = results.ledger.quote("images/images.json", "", f"[{i}].caption")
        alt = {"errors": "Errors in colour", "grid": "One image by setting"}.get(entry["kind"], "Predictions")
        shown.append(image(entry["file"], caption, alt))
    return blocks(*shown) if shown else ""

"""Files of results/<study> that rules make as many of as they need: images and figures. Which of them lack is asked
of the files that show them."""

import re
from pathlib import Path

from segsweep.io import read_json_or_none

LINK = re.compile(r"\]\(((?:figures|images)/[^)\s]+)\)")


def lacks_images(folder: Path) -> bool:
    """Whether an image of images/images.json is not there."""
    entries = read_json_or_none(folder / "images" / "images.json") or []
    return any(not (folder / entry["file"]).is_file() for entry in entries)


def lacks_figures(folder: Path) -> bool:
    """Whether a figure that report.md shows is not there."""
    try:
        text = (folder / "report.md").read_text(encoding="utf-8")
    except OSError:  # the whole report will be written
        return False
    return any(name.startswith("figures/") and not (folder / name).is_file() for name in LINK.findall(text))

"""Files of results/<study> that Snakemake cannot judge by their names and times.

Of images and figures, rules make as many as they need: which of them lack is asked of the files that show them. Tables
that were pulled from the shared store are older than anything that this workflow made: it makes its own.
"""

import os
import re
from pathlib import Path

from segsweep.errors import InputError
from segsweep.io import read_csv, read_json_or_none, regular
from segsweep.store.shared_tables import PULLED

TEST_LOOKS = "test_looks.json"  # see `segsweep.inference.test_looks`
LINK = re.compile(r"\]\(((?:figures|images)/[^)\s]+)\)")


def was_pulled(table: Path) -> bool:
    """Whether a table came from the shared store."""
    return table.is_file() and table.stat().st_mtime == PULLED


def lacks_images(folder: Path) -> bool:
    """Whether an image of images/images.json is not there, or that file is damaged."""
    file = folder / "images" / "images.json"
    if not os.path.lexists(file):  # all will be drawn
        return False
    try:
        return any(not (folder / entry["file"]).is_file() for entry in read_json_or_none(file))
    except (LookupError, TypeError, ValueError):  # the latter of names with NUL
        return True


def lacks_figures(folder: Path) -> bool:
    """Whether a figure that report.md shows is not there, or that file is damaged."""
    try:
        text = regular(folder / "report.md").read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    except OSError:  # the whole report will be written
        return False
    return any(name.startswith("figures/") and not (folder / name).is_file() for name in LINK.findall(text))


def lacked_because_of_budget(missing: Path) -> set[str]:
    """The runs that missing.csv names because of the study's budget; none where it is not there, or damaged."""
    try:
        return {row["run"] for row in read_csv(missing) if row["left_out"]}
    except (InputError, LookupError):
        return set()

"""segsweep: reproducible hyperparameter studies of segmentation models.

`segsweep.open("unet_grid")` gives a study's tables and trained models to Python; docs/python.md shows how.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.errors import InputError

if TYPE_CHECKING:
    from segsweep.study_api.opened_study import OpenedStudy

__all__ = ["InputError", "__version__", "open"]

__version__ = "0.1.0"  # the one place; pyproject.toml reads it


def open(study: str | Path, project: str | Path | None = None) -> "OpenedStudy":
    """Open the results of a study that was trained, all or in part.

    Args:
        study: its name, as that of its folder in `results`: `unet_grid`, `unet_grid_smoke`; or the path of that folder.
        project: folder that holds `results`, to look for a name in. Without it, the working folder and the folders
            around it are looked at, then the clone that segsweep was imported from.

    Raises:
        InputError: there are no such results, or their plan cannot be read.
    """
    from segsweep import lean_imports
    from segsweep.study_api.opened_study import OpenedStudy
    from segsweep.study_api.opening import find_study  # here: the Snakefile imports this package

    lean_imports.install()
    return OpenedStudy(find_study(study, project))

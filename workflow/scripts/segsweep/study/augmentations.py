"""Where augmentations are described: plain YAML, read by the planner as part of a segment's address."""

from pathlib import Path

from .files import nearest
from .settings import InputError

FOLDER = Path("config/augmentations")


def find_augmentation(name: str, folder: Path = FOLDER) -> Path:
    """The file of an augmentation: a path, or a name in the folder.

    Raises:
        InputError: neither exists; names the nearest that does.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = [other.stem for other in folder.glob("*.yaml")]
        raise InputError(f"unknown augmentation {name!r}: there is no {path}. {nearest(name, known)} Or give a path.")
    return path

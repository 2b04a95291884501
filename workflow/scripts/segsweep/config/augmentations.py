"""Augmentation files: plain YAML that planning reads without importing what carries it out."""

from pathlib import Path
from typing import Any

from segsweep.config.yaml_documents import Document, nearest
from segsweep.errors import InputError

FOLDERS = (Path("config/augmentations"), Path(__file__).resolve().parents[4] / "config" / "augmentations")
# Of transforms whose outcome is another one than it was: what was trained with them trains again.
REVISIONS = dict.fromkeys(
    (
        "RandomScale", "Resize", "LongestMaxSize", "SmallestMaxSize", "RandomResizedCrop", "RandomSizedCrop",
        "CropAndPad", "ElasticTransform", "GridDistortion", "OpticalDistortion", "PiecewiseAffine", "ThinPlateSpline",
    ),
    2,
)  # fmt: skip
FORM = "`transforms` is a list of `- Name: {argument: value}`"


def find_augmentation(name: str) -> Path:
    """The file of an augmentation: config/augmentations/NAME.yaml, or a path.

    Raises:
        InputError: there is none; names the known ones and the nearest.
    """
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise InputError(
                f"data.augmentation: {name}: no such file. Check the path; it is relative to the working directory."
            )
        return Path(name)
    for folder in FOLDERS:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = {path.stem for folder in FOLDERS for path in folder.glob("*.yaml")}
    raise InputError(f"data.augmentation: unknown augmentation {name!r}. {nearest(name, known)} Or the path of a file.")


def read_augmentation(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of an augmentation's transforms, in order; groups hold theirs in `transforms`.

    Raises:
        InputError: the file is unknown, or not of the form that it should have.
    """
    document = Document(find_augmentation(name))
    unknown = [key for key in document.values if key not in ("description", "transforms")]
    if unknown:
        location = document.location((unknown[0],))
        raise InputError(
            f"{location}: unknown key {unknown[0]!r}. {nearest(unknown[0], ('description', 'transforms'))}"
        )
    return _entries(document.values.get("transforms") or [], document, ("transforms",))


def revisions(transforms: list[tuple[str, dict[str, Any]]]) -> dict[str, int]:
    """Those of the transforms, and of what groups hold, that are above 1."""
    found = {name: REVISIONS[name] for name, _ in transforms if name in REVISIONS}
    for _, arguments in transforms:
        found |= revisions(arguments.get("transforms", []))
    return found


def _entries(values: Any, document: Document, keys: tuple) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(values, list):
        raise InputError(f"{document.location(keys)}: found {values!r}; {FORM}.")
    found = []
    for number, value in enumerate(values):
        here = (*keys, number)
        value = {value: {}} if isinstance(value, str) else value
        if not isinstance(value, dict) or len(value) != 1:
            raise InputError(f"{document.location(here)}: found {value!r}; {FORM}.")
        ((name, arguments),) = value.items()
        arguments = dict(arguments or {})
        if "transforms" in arguments:
            arguments["transforms"] = _entries(arguments["transforms"], document, (*here, name, "transforms"))
        found.append((name, arguments))
    return found

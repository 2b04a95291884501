"""A data set file proposed for a folder of somebody's images: guessed from its files, to be corrected by a person."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.inspection import annotated_layouts, image_layouts, public_layouts, volume_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
WIDTH = 100  # of a line that holds a mapping
LONGEST = 10_000  # no text is broken in two
# Each looks at a folder and gives keys of a data set, or nothing; the first that gives some is taken.
LAYOUTS: tuple[Callable[[FileTree], Guess | None], ...] = (
    public_layouts.voc,
    public_layouts.cityscapes,
    public_layouts.icdar,
    annotated_layouts.coco,
    annotated_layouts.yolo,
    annotated_layouts.labelme,
    annotated_layouts.cvat,
    annotated_layouts.parquet,
    volume_layouts.nifti,
    image_layouts.folder,
)


def propose(folder: Path, data_root: Path) -> tuple[str, str]:
    """The name of a data set and the text of its file, with a comment on each line that a person should check.

    Args:
        folder: of the images and their labels.
        data_root: folder of all data sets; `root` is relative to it where the folder lies in it.

    Raises:
        InputError: nothing in the folder is known.
    """
    tree = FileTree.of(folder)
    guess = next((found for layout in LAYOUTS if (found := layout(tree))), None)
    if guess is None:
        raise InputError(unknown_layout(tree))
    name = NOT_IN_A_NAME.sub("_", folder.resolve().name).strip("_.-") or "my_images"
    root = tree.root.resolve()
    if root.is_relative_to(data_root.resolve()):
        root = root.relative_to(data_root.resolve())
    keys = {"name": name, "reader": guess.keys["reader"], "root": str(root)} | guess.keys
    parse_dataset(keys, lambda names: f"the proposal for {folder}")
    return name, as_yaml(keys, guess.comments)


def as_yaml(keys: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """Keys, each below its comment; lists and mappings in one line where they fit."""
    lines = ["# Proposed by `make data`. Correct what is wrong, above all the lines with a comment."]
    for name, value in keys.items():
        if name in comments:
            lines.append(f"# {name}: {comments[name]}")
        in_one = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=LONGEST).strip()
        if isinstance(value, dict | list) and len(f"{name}: {in_one}") <= WIDTH:
            lines.append(f"{name}: {in_one}")
        else:
            flow = None if isinstance(value, dict | list) else False
            lines.append(yaml.safe_dump({name: value}, default_flow_style=flow, sort_keys=False, width=LONGEST).strip())
    return "\n".join(lines) + "\n"


def unknown_layout(tree: FileTree) -> str:
    """That nothing in a folder is known, and what it holds."""
    kinds: dict[str, int] = {}
    for path in tree.files:
        kinds[path.suffix.lower() or "no suffix"] = kinds.get(path.suffix.lower() or "no suffix", 0) + 1
    most = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1])[:6])
    broken = annotated_layouts.broken_json(tree)
    unread = f" {tree.root / broken[0]} cannot be read as JSON: export it again." if broken else ""
    return (
        f"{tree.root}: {plural(len(tree.files), 'file')} ({most}), but no images with masks of the same name, and no "
        f"annotations that are known.{unread} Put images into images/ and their masks, named like them, into masks/; "
        "or write the data set's file by hand (docs/data.md)."
    )

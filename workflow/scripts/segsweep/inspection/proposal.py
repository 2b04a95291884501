"""A data set file proposed for a folder of somebody's images: guessed from its files, to be corrected by a person."""

import re
from collections.abc import Callable
from pathlib import Path

from segsweep.config.commented_yaml import commented_yaml
from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.inspection import annotated_layouts, image_layouts, public_layouts, volume_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
HEAD = "Proposed by segsweep. Correct what is wrong, above all the lines with a comment."
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
    comments = {(key,): f"{key}: {text}" for key, text in guess.comments.items() if key in keys}
    return name, commented_yaml(keys, comments, HEAD)


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

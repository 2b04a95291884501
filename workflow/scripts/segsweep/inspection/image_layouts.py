"""Folders of images and masks that share a name: which are the images, which the masks, and how names become paths."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from segsweep.formatting import plural
from segsweep.inspection import split_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess
from segsweep.inspection.mask_values import MOST_VALUES, classes_of, values_of

MASK_WORDS = ("mask", "label", "gt", "groundtruth", "annot", "seg", "target", "manual")
AFFIXES = (
    "mask",
    "masks",
    "label",
    "labels",
    "labelIds",
    "gt",
    "seg",
    "segmentation",
    "annotation",
    "manual1",
    "GT",
    "L",
)
LEAST_SHARED = 0.5  # share of the masks whose images are there
MOST_LABELS = 7


@dataclass
class Pattern:
    """Files whose paths are the same but for name and split."""

    text: str  # "images/{split}/{name}.png"
    paths: dict[tuple[str, str], PurePosixPath] = field(default_factory=dict)  # by split's folder and name

    @property
    def looks_like_masks(self) -> bool:
        """Whether a part of the path says so."""
        return any(word in self.text.replace("_", "").lower() for word in MASK_WORDS)

    @property
    def splits(self) -> list[str]:
        """Folders that stand for {split}."""
        return list(dict.fromkeys(split for split, _ in self.paths if split))


def folder(tree: FileTree) -> Guess | None:
    """Images and masks, for the reader `folder`."""
    patterns = patterns_of(tree)
    pair = images_and_masks(tree, patterns)
    if pair is None:
        return None
    images, masks = pair
    comments = {}
    names = {name for _, name in images.paths}
    splits = split_layouts.of_folders(images.splits) if images.splits else split_layouts.guessed(tree, names)
    if splits is None:
        return _without_validation(tree, images, masks)
    if len(masks) == 1:
        keys = {"images": images.text, "masks": masks[0].text}
        meaning, said = classes_of(values_of([tree.root / path for path in masks[0].paths.values()]))
    else:
        keys = {"images": images.text, "masks": {label_of(one, masks): one.text for one in masks}}
        meaning, said = {"task": "multilabel"}, {"masks": "a mask for each label; a pixel may carry several"}
    without = set(images.paths) - set(masks[0].paths)
    if without:
        some = ", ".join(name for _, name in sorted(without)[:3])
        comments["images"] = f"{plural(len(without), 'image')} without a mask: {some}{', ...' * (len(without) > 3)}"
    return Guess({"reader": "folder"} | keys | splits.keys | meaning, comments | splits.comments | said)


def patterns_of(tree: FileTree) -> list[Pattern]:
    """The patterns that the paths of a folder's images follow, those with most files first."""
    stems = {(path.parent, path.stem) for path in tree.images}
    found: dict[str, Pattern] = {}
    for path in tree.images:
        parts, split = list(path.parts[:-1]), ""
        for i, part in enumerate(parts):
            if part in split_layouts.SPLIT_OF and not split:
                parts[i], split = "{split}", part
        file, name = _without_affix(path, stems)
        text = "/".join([*(part.replace("{", "{{") if part != "{split}" else part for part in parts), file])
        found.setdefault(text, Pattern(text)).paths[split, name] = path
    return sorted(found.values(), key=lambda one: -len(one.paths))


def images_and_masks(tree: FileTree, patterns: list[Pattern]) -> tuple[Pattern, list[Pattern]] | None:
    """The images, and their masks: one for each, or one for each label; None where nothing shares names."""
    for images in sorted(patterns, key=lambda one: one.looks_like_masks):  # stable: most files first
        masks = [
            other
            for other in patterns
            if other is not images and len(set(other.paths) & set(images.paths)) >= LEAST_SHARED * len(other.paths)
        ]
        named = [other for other in masks if other.looks_like_masks]
        if named and not images.looks_like_masks:
            return images, named[:MOST_LABELS]
        holding = [other for other in masks if _holds_classes(tree, other)]
        if holding and not _holds_classes(tree, images):
            return images, holding[:MOST_LABELS]
    return None


def label_of(masks: Pattern, all_masks: list[Pattern]) -> str:
    """The part of a pattern in which it differs from the others, as the name of its label."""
    others = [set(PurePosixPath(one.text).parts) for one in all_masks if one is not masks]
    own = [part for part in PurePosixPath(masks.text).parts if all(part not in other for other in others)]
    words = re.split(r"[_.-]|\{name\}", PurePosixPath(own[0]).stem if own else masks.text)
    return "_".join(word for word in words if word and word not in AFFIXES) or own[0]


def _without_affix(path: PurePosixPath, stems: set[tuple[PurePosixPath, str]]) -> tuple[str, str]:
    """`{name}_mask.png` and the name, of a file whose image may be named without the affix; else `{name}.png`."""
    for affix in AFFIXES:
        for sign in ("_", "-", "."):
            if path.stem.endswith(sign + affix):
                return f"{{name}}{sign}{affix}{path.suffix}", path.stem[: -len(affix) - 1]
            if path.stem.startswith(affix + sign):
                return f"{affix}{sign}{{name}}{path.suffix}", path.stem[len(affix) + 1 :]
    return f"{{name}}{path.suffix}", path.stem


def _holds_classes(tree: FileTree, pattern: Pattern) -> bool:
    """Whether the files hold few values, as masks do."""
    some = [tree.root / path for path in list(pattern.paths.values())[:3]]
    return 0 < len(values_of(some)) <= MOST_VALUES


def _without_validation(tree: FileTree, images: Pattern, masks: list[Pattern]) -> Guess | None:
    """Of folders for splits without one to validate on: validation is drawn from the training images."""
    train = next((name for name in images.splits if split_layouts.SPLIT_OF[name] == "train"), images.splits[0])
    keys = {"images": images.text.replace("{split}", train), "masks": masks[0].text.replace("{split}", train)}
    meaning, said = classes_of(values_of([tree.root / path for path in masks[0].paths.values()]))
    left_out = [name for name in images.splits if name != train]
    comment = "there is no folder of validation images, so they are drawn from the training images"
    if left_out:
        comment += f"; left out: {', '.join(left_out)}"
    splits = {"splits": {"random": {"val": 0.2, "seed": 0}}}
    return Guess({"reader": "folder"} | keys | splits | meaning, {"splits": comment} | said)

"""Folders of images and masks that share a name: which are the images, which the masks, and how names become paths."""

import re
from pathlib import PurePosixPath

from segsweep.config.dataset_keys import MOST_LABELS
from segsweep.formatting import plural
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess
from segsweep.inspection.mask_values import MOST_VALUES, classes_of, values_of
from segsweep.inspection.path_patterns import Pattern, patterns_of, splits_of

MASK_WORDS = ("mask", "label", "gt", "groundtruth", "annot", "seg", "target", "manual")
AFFIXES = ("mask", "masks", "label", "labels", "labelIds", "gt", "GT", "seg", "segmentation", "annotation", "L")
IMAGE_AFFIXES = ("image", "img", "sat", "training", "manual1")
LEAST_SHARED = 0.5  # share of the masks whose images are there
SHOWN = 3  # files that are named


def folder(tree: FileTree) -> Guess | None:
    """Images and masks, for the reader `folder`."""
    # Images as well may have an affix; as a part of their names it does no harm.
    tried = (images_and_masks(tree, patterns_of(tree.images, some)) for some in (AFFIXES, (*AFFIXES, *IMAGE_AFFIXES)))
    pair = next(filter(None, tried), None)
    if pair is None:
        return None
    images, masks = pair
    splits, fill = splits_of(tree, images)
    if len(masks) == 1:
        keys = {"images": fill(images.text), "masks": fill(masks[0].text)}
        meaning, said = classes_of(values_of([tree.root / path for path in masks[0].paths.values()]))
    else:
        keys = {"images": fill(images.text), "masks": {label_of(one, masks): fill(one.text) for one in masks}}
        meaning, said = {"task": "multilabel"}, {"masks": "a mask for each label; a pixel may carry several"}
    without = [path for key, path in images.paths.items() if key not in masks[0].paths]
    used = {path for one in (images, *masks) for path in one.paths.values()}
    said |= _of_files({"without a mask": without, "left out": [path for path in tree.images if path not in used]})
    return Guess({"reader": "folder"} | keys | splits.keys | meaning, splits.comments | said)


def _of_files(found: dict[str, list[PurePosixPath]]) -> dict[str, str]:
    """A comment on `images` that counts files of some kinds and names the first of them."""
    parts = [
        f"{plural(len(paths), 'image')} {kind}: {', '.join(map(str, paths[:SHOWN]))}{', ...' * (len(paths) > SHOWN)}"
        for kind, paths in found.items()
        if paths
    ]
    return {"images": "; ".join(parts)} if parts else {}


def images_and_masks(tree: FileTree, patterns: list[Pattern]) -> tuple[Pattern, list[Pattern]] | None:
    """The images, and their masks: one for each, or one for each label; None where nothing shares names."""
    for images in sorted(patterns, key=looks_like_masks):  # stable: most files first
        masks = [
            other
            for other in patterns
            if other is not images and len(set(other.paths) & set(images.paths)) >= LEAST_SHARED * len(other.paths)
        ]
        named = [other for other in masks if looks_like_masks(other)]
        if named and not looks_like_masks(images):
            return images, named[:MOST_LABELS]
        holding = [other for other in masks if _holds_classes(tree, other)]
        if holding and not _holds_classes(tree, images):
            return images, holding[:MOST_LABELS]
    return None


def looks_like_masks(pattern: Pattern) -> bool:
    """Whether a part of the path says so."""
    return any(word in pattern.text.replace("_", "").lower() for word in MASK_WORDS)


def label_of(masks: Pattern, all_masks: list[Pattern]) -> str:
    """The part of a pattern in which it differs from the others, as the name of its label."""
    others = [set(PurePosixPath(one.text).parts) for one in all_masks if one is not masks]
    own = [part for part in PurePosixPath(masks.text).parts if all(part not in other for other in others)]
    words = re.split(r"[_.-]|\{name\}", PurePosixPath(own[0]).stem if own else masks.text)
    return "_".join(word for word in words if word and word not in AFFIXES) or own[0]


def _holds_classes(tree: FileTree, pattern: Pattern) -> bool:
    """Whether the files hold few values, as masks do."""
    some = [tree.root / path for path in list(pattern.paths.values())[:3]]
    return 0 < len(values_of(some)) <= MOST_VALUES

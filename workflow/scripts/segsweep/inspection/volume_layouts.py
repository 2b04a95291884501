"""Folders of volumes (NIfTI) and of their masks, as the Medical Segmentation Decathlon and nnU-Net have them."""

import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess
from segsweep.inspection.image_layouts import AFFIXES, looks_like_masks
from segsweep.inspection.mask_values import classes_of, counted
from segsweep.inspection.path_patterns import patterns_of, splits_of

VOLUMES = (".nii", ".nii.gz")
CHANNEL = "0000"  # behind the name of an image of nnU-Net; masks are without
MOST_READ = 5  # masks


def nifti(tree: FileTree) -> Guess | None:
    """Volumes and masks that share a name, for the reader `volumes`."""
    patterns = patterns_of((path for path in tree.files if path.name.endswith(VOLUMES)), (*AFFIXES, CHANNEL))
    masks = next(filter(looks_like_masks, patterns), None)
    if masks is None:
        return None
    shared = {id(one): len(one.paths.keys() & masks.paths.keys()) for one in patterns}
    images = max((one for one in patterns if not looks_like_masks(one)), key=lambda one: shared[id(one)], default=None)
    if images is None or not shared[id(images)]:
        return None
    splits, fill = splits_of(tree, images)
    found: Counter = Counter()
    for path in list(masks.paths.values())[:MOST_READ]:
        if (values := _values(tree.root / path)) is not None:
            counted(values, found)
    meaning, said = classes_of(found)
    keys = {"reader": "volumes", "images": fill(images.text), "masks": fill(masks.text)}
    return Guess(keys | splits.keys | meaning, splits.comments | said)


def _values(path: Path) -> np.ndarray | None:
    """(n, m) of whole numbers; None where the file, or the library for it, cannot be read."""
    try:
        import nibabel
    except ImportError:
        return None
    try:
        values = np.asanyarray(nibabel.load(path).dataobj)
    except (OSError, ValueError, EOFError, zlib.error, nibabel.filebasedimages.ImageFileError):
        return None
    return values.reshape(len(values), -1).astype(np.int64)

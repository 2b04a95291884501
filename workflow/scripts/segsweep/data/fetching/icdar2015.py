"""ICDAR 2015, challenge 4: incidental scene text; the official training and test sets.

Source: Karatzas et al., ICDAR 2015 competition on Robust Reading.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from segsweep.data.archives import Archive, unpack_members, write_list

TITLE = "ICDAR 2015 incidental text"
LICENCE = "CC BY 4.0 as far as known; see the competition's site"
PAGE = "https://rrc.cvc.uab.es/?ch=4&com=downloads"
SIZE = "132 MB"
ROOT = "icdar2015"
DOWNLOADS = "https://rrc.cvc.uab.es/downloads/"
# (archive, split, kind of file)
PARTS = {
    "ch4_training_images.zip": ("train", "images", "md5:c51cbace155dcc4d98c8dd19d378f30d"),
    "ch4_training_localization_transcription_gt.zip": ("train", "gt", "md5:3bfaf1988960909014f7987d2343060b"),
    "ch4_test_images.zip": ("val", "images", "md5:97e4c1ddcf074ffcc75feff2b63c35dd"),
    "Challenge4_Test_Task1_GT.zip": (
        "val", "gt", "sha256:8f434c410cfcf680b8421e3c22abf31b9297d8e255c3b13acc2890fddc6db6b0",
    ),
}  # fmt: skip
# The site asks for a login now and then; where it does, the download fails and a person gets them.
ARCHIVES = tuple(Archive(name, DOWNLOADS + name, checksum) for name, (_, _, checksum) in PARTS.items())
COUNTS = {"train": 1000, "val": 500}


def lay_out(archives: dict[str, Path], folder: Path, *, counts: Mapping[str, int] = COUNTS) -> None:
    """images/train_img_K.jpg, gt/gt_train_img_K.txt, likewise val for the test set, and lists of names.

    Both sets count from 1, hence the prefixes.

    Args:
        archives: paths by name.
        folder: where to.
        counts: of the images of each split.

    Raises:
        InputError: an archive is damaged or holds another number of files.
    """
    for name, (split, kind, _) in PARTS.items():
        unpack_members(archives[name], folder, lambda path, s=split, k=kind: _target(path, s, k), count=counts[split])
    for split in counts:
        names = sorted((path.stem for path in (folder / "images").glob(f"{split}_*.jpg")), key=_number)
        write_list(folder, split, names)


def _target(path: PurePosixPath, split: str, kind: str) -> PurePosixPath | None:
    if kind == "images":
        return PurePosixPath("images", f"{split}_{path.stem}.jpg") if path.suffix.lower() == ".jpg" else None
    return PurePosixPath("gt", f"gt_{split}_{path.stem.removeprefix('gt_')}.txt") if path.suffix == ".txt" else None


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])

"""Cityscapes, fine annotations.

Source: Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016.
"""

from pathlib import Path

from segsweep.data.archives import Archive, unpack_members

TITLE = "Cityscapes, fine annotations"
LICENCE = "Cityscapes terms of use: non-commercial, no passing on; each user registers"
PAGE = "https://www.cityscapes-dataset.com/downloads/"
SIZE = "11.8 GB"
ROOT = "cityscapes"
IMAGES, MASKS = "leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip"
ARCHIVES = (
    Archive(IMAGES, None, "md5:0a6e97e94b616a514066c9e2adb0c97f"),
    Archive(MASKS, None, "md5:4237c19de34c8a376e9ba46b495d6f66"),
)
ENDINGS = ("_leftImg8bit.png", "_gtFine_labelIds.png")


def lay_out(archives: dict[str, Path], folder: Path) -> None:
    """leftImg8bit/ and gtFine/ as they are packed; of gtFine the label ids, which is all that is read.

    Raises:
        InputError: an archive is damaged.
    """
    for name in (IMAGES, MASKS):
        unpack_members(archives[name], folder, lambda path: path if path.name.endswith(ENDINGS) else None)

"""Pascal VOC 2012, training and validation.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012.
"""

from pathlib import Path

from segsweep.data.archives import Archive, unpack_members

TITLE = "Pascal VOC 2012, masks and boxes"
LICENCE = "images from Flickr under its terms of use; research"
PAGE = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
SIZE = "2.0 GB"
ROOT = "VOCdevkit/VOC2012"
TAR = "VOCtrainval_11-May-2012.tar"
ARCHIVES = (Archive(TAR, PAGE + TAR, "md5:6cd6e144f989b92b3379bac3b3de84fd"),)
WANTED = ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets")


def lay_out(archives: dict[str, Path], folder: Path) -> None:
    """As it is packed, without VOCdevkit/VOC2012 and the parts that no reader needs.

    Raises:
        InputError: the archive is damaged.
    """

    def target(path):
        inner = path.relative_to(ROOT) if path.is_relative_to(ROOT) else None
        return inner if inner and inner.parts[0] in WANTED else None

    unpack_members(archives[TAR], folder, target)

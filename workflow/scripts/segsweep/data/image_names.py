"""What an image can be called: its name becomes part of paths, in the data set and in what is written of it."""

import os
import posixpath
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

SUFFIXES = (".jpg", ".png", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")  # of images of which only the name is said
CONTROL = re.compile(r"[\x00-\x1f]")
LONGEST = 4096  # characters of a path
SURROGATE = re.compile("[\ud800-\udfff]")  # what Python puts in the place of bytes that are not UTF-8


def not_a_name(name: str) -> str | None:
    """What is wrong with a name, of a list or of a file on the disk, so that nothing can be called so; else None."""
    if SURROGATE.search(name):
        return "is not UTF-8"
    if len(name) > LONGEST:
        return f"is of {len(name):,} characters, longer than any path"
    return "holds a control character" if CONTROL.search(name) else None


def image_of_name(folder: Path, name: str) -> Path:
    """The image of a name in a folder, of the first ending of which there is one; else what it would be called."""
    paths = [folder / f"{name}{suffix}" for suffix in (*SUFFIXES, *map(str.upper, SUFFIXES))]
    return next(filter(os.path.lexists, paths), paths[0])


def name_of(path: str) -> str:
    """What an image is called by its path in the folder of images: without its ending."""
    return str(PurePosixPath(path).with_suffix(""))


def path_in_folder(written: str) -> str | None:
    """A path as annotation tools write it, relative to a folder: `./a\\b.png` is `a/b.png`.

    Returns:
        None of what leads out of the folder, or nothing can be called.
    """
    path = posixpath.normpath(written.replace("\\", "/"))
    leads_out = path in (".", "..") or path.startswith(("/", "../")) or PureWindowsPath(path).drive
    return None if leads_out or not_a_name(path) else path


def usable_name(name: str, location: str, problems: list[str]) -> str:
    """A name as it is meant (`./a` is `a`, `a//b` is `a/b`). One that no image can have is appended to the problems.

    Args:
        name: as a list or table has it.
        location: "train.txt:17".
        problems: of all names.
    """
    if wrong := not_a_name(name):
        problems.append(
            f"{location}: {name!a:.80} {wrong}. Rename the image if need be, and save the list as plain UTF-8 text."
        )
    return posixpath.normpath(name)

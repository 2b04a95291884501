"""The files of a folder that somebody has, by their paths; nothing of them is read."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from segsweep.errors import InputError

MOST_FILES = 200_000
IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".npy"}


@dataclass(frozen=True)
class FileTree:
    """The files below a folder, as paths relative to it, sorted; hidden ones left out."""

    root: Path
    files: tuple[PurePosixPath, ...]

    @classmethod
    def of(cls, root: Path) -> "FileTree":
        """Look into a folder; where all that it holds is one other folder, into that.

        Raises:
            InputError: it holds no file, or more than `MOST_FILES`.
        """
        while len(inside := [path for path in root.iterdir() if not path.name.startswith(".")]) == 1:
            if not inside[0].is_dir():
                break
            root = inside[0]
        found: list[PurePosixPath] = []
        for folder, folders, names in os.walk(root, followlinks=True):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            relative = PurePosixPath(Path(folder).relative_to(root).as_posix())
            found += [relative / name for name in sorted(names) if not name.startswith(".")]
            if len(found) > MOST_FILES:
                raise InputError(
                    f"{root}: more than {MOST_FILES:,} files, too many to guess what they are. Name the folder of the "
                    "data set itself, or write its file by hand (docs/data.md)."
                )
        if not found:
            raise InputError(f"{root}: there is no file in this folder. Put images and their labels there.")
        return cls(root, tuple(sorted(found)))

    @cached_property
    def images(self) -> list[PurePosixPath]:
        """Files that look like images, or masks."""
        return [path for path in self.files if path.suffix.lower() in IMAGES]

    @cached_property
    def folders(self) -> set[str]:
        """All folders that hold files, and those above them."""
        return {str(parent) for path in self.files for parent in path.parents}

    def folder_of(self, file: str, near: PurePosixPath) -> str | None:
        """The folder that a file is named relative to: the nearest to another folder, None where there is no such."""
        ending = PurePosixPath(file.replace("\\", "/"))
        found = [path for path in self.files if path.parts[-len(ending.parts) :] == ending.parts]
        if not found:
            return None

        def shared(path: PurePosixPath) -> int:
            return sum(one == other for one, other in zip(path.parts, near.parts, strict=False))

        path = max(found, key=shared)
        return str(PurePosixPath(*path.parts[: -len(ending.parts)]))

    def with_suffix(self, *suffixes: str) -> list[PurePosixPath]:
        """Files by the end of their names."""
        return [path for path in self.files if path.suffix.lower() in suffixes]

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return PurePosixPath(path) in self.files

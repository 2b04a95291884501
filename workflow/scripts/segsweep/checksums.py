"""Checksums of published files: written beside them, compared when a file is first read after a change of it.

A published folder holds SHA256SUMS, as `sha256sum -c` reads it. Which files were found to match is remembered by their
size, times and inode in hidden files beside the folders. That memory may be lost at any time: it is worked out again.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from segsweep.disk_errors import naming
from segsweep.errors import InputError
from segsweep.io import read_json_or_none, regular, write_bytes

SUMS = "SHA256SUMS"
HAS_SUMS = "checksums"  # a key of a folder's record or manifest that is true, and absent from those of earlier versions
MEMORY = ".checked"
UNREADABLE = "surrogateescape"  # names that are no UTF-8 keep their bytes
# Digests of files that this process wrote and is about to publish, by what tells each from any later state of it.
_noted: dict[tuple[int, str], str] = {}


class DamagedFile(InputError):
    """A file is not what was published."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with naming(path), regular(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def note_digest(path: Path, digest: str) -> None:
    """Note what a file that was just written holds, so that it need not be read to be published."""
    _noted[path.stat().st_dev, _stamp(path)] = digest


def files_in(folder: Path) -> set[str]:
    """Names of the files in a folder and in those within it, relative to it. A link counts as what it names."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {SUMS}


def write_sums(folder: Path) -> None:
    """Write the checksums of all files in a folder, but for links, which may name what is not published with it."""
    names = (name for name in sorted(files_in(folder)) if not (folder / name).is_symlink())
    content = sums_text((name, _noted_or_found(folder / name)) for name in names)
    write_bytes(folder / SUMS, lambda file: file.write(content))


def _noted_or_found(path: Path) -> str:
    return _noted.pop((path.stat().st_dev, _stamp(path)), None) or digest_of(path)


def sums_text(digests: Iterable[tuple[str, str]]) -> bytes:
    """The content of SHA256SUMS, of names and digests."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests).encode("utf-8", UNREADABLE)


def parse_sums(content: bytes) -> dict[str, str]:
    """Digests by name, of the content of SHA256SUMS.

    Raises:
        ValueError: a line is none of a checksum, or has no end.
    """
    found = {}
    *lines, rest = content.decode("utf-8", UNREADABLE).split("\n")  # no other character parts lines
    if rest:
        raise ValueError(f"{rest[:80]!r} has no end")
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise ValueError(f"{line[:80]!r} is no line of a checksum")
        found[name] = digest
    return found


def read_sums(folder: Path, remedy: str, document: str = "") -> dict[str, str] | None:
    """Digests by name of the files of a published folder; None of one that was published before there were any.

    Args:
        folder: it.
        remedy: what a person can do.
        document: name of the JSON file in it that says whether they were written: its record, its manifest.

    Raises:
        DamagedFile: the file of checksums cannot be read, or is gone.
    """
    path = folder / SUMS
    try:
        return parse_sums(regular(path).read_bytes())
    except FileNotFoundError:
        content = read_json_or_none(folder / document)
        if isinstance(content, dict) and HAS_SUMS in content:
            raise DamagedFile(
                f"{path}: is gone, and was written. Copy it, too, if the rest is a copy; else {remedy}"
            ) from None
        return None
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path}: cannot be read ({error}). {remedy}") from error


class CheckedFiles:
    """Compares files in the folders of a folder with their checksums, once for each state of a file."""

    def __init__(self, root: Path):
        """`root`: holds the published folders, and the memory."""
        self.root = root
        self._memory: dict[str, dict[str, str]] = {}

    def matches(self, path: Path, expected: Callable[[], str | None]) -> bool:
        """Whether a file is what was published, as far as that is known.

        Args:
            path: a file within `root`.
            expected: gives its digest, None where there is none; asked only if the file changed since it last matched.

        Raises:
            OSError: the file cannot be read.
        """
        name, stamp = path.relative_to(self.root).as_posix(), _stamp(path)
        memory = self.root / MEMORY / name[:2]
        if self._known(memory).get(name) == stamp:
            return True
        digest = expected()
        if digest is None:
            return True
        if digest_of(path) != digest:
            return False
        self._known(memory)[name] = stamp
        with suppress(OSError, UnicodeEncodeError):  # a store that may only be read, a full disk: compared again then
            memory.parent.mkdir(exist_ok=True)
            with regular(memory).open("a", encoding="utf-8") as file:
                file.write(f"{stamp} {name}\n")
        return True

    def _known(self, memory: Path) -> dict[str, str]:
        """Stamps by name, of one file of the memory; a line that is cut names no file, or has another stamp."""
        if memory.name not in self._memory:
            try:
                lines = regular(memory).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                lines = []
            parts = (line.partition(" ") for line in lines)
            self._memory[memory.name] = {name: stamp for stamp, _, name in parts}
        return self._memory[memory.name]


def compared(folder: Path, sums: Mapping[str, str], may_be_gone: Callable[[str], bool], remedy: str) -> list[str]:
    """What is wrong with the files of a published folder, all compared whether they changed or not: a line for each.

    Args:
        folder: it.
        sums: digests by name.
        may_be_gone: of a name, whether a person may have let that file go since.
        remedy: what a person can do.
    """
    found = []
    for name, digest in sums.items():
        path = folder / name
        try:
            if digest_of(path) != digest:
                found.append(f"{path}: differs from its checksum. {remedy}")
        except FileNotFoundError:
            if not may_be_gone(name):
                found.append(f"{path}: is missing. {remedy}")
        except OSError as error:
            found.append(f"{path}: cannot be read ({error.strerror}). {remedy}")
    return found


def _stamp(path: Path) -> str:
    """Size, times and inode of a file. A time of modification can be set back; that of its entry cannot."""
    status = os.stat(path)
    return f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"

"""A folder as one file, and back, with checksums.

The file is a plain tar, the same bytes for the same content; its last member, SHA256SUMS, is what `sha256sum -c` reads.
"""

import hashlib
import io
import tarfile
from collections.abc import Collection
from pathlib import Path

SUMS = "SHA256SUMS"


class Corrupt(Exception):
    """What arrived is not what was packed."""


def pack(folder: Path, target: Path, without: Collection[str] = ()) -> None:
    """Write the files of a folder, but for those named in `without`, into a tar.

    Raises:
        FileNotFoundError: the folder, or a file of it, went away.
    """
    sums = []
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(path for path in folder.iterdir() if path.is_file() and path.name not in without):
            with path.open("rb") as file:
                sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
                entry = tarfile.TarInfo(path.name)  # no times, no owner: equal content, equal bytes
                entry.size = file.tell()
                file.seek(0)
                tar.addfile(entry, file)
        content = "".join(sums).encode()
        entry = tarfile.TarInfo(SUMS)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def unpack(source: Path, folder: Path) -> None:
    """Unpack into a folder, which is made, and check every file.

    Raises:
        Corrupt: the tar is cut off or damaged, a file is missing, was added, or has another checksum.
    """
    folder.mkdir()
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(folder, filter="data")
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (tarfile.TarError, FileNotFoundError, UnicodeDecodeError, EOFError) as error:
        raise Corrupt(f"damaged or cut off ({error})") from error
    (folder / SUMS).unlink()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {path.name for path in folder.iterdir()}
    if found != set(expected):
        raise Corrupt(f"files missing or added: {', '.join(sorted(found ^ set(expected)))}")
    for name, digest in expected.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise Corrupt(f"{name} has another checksum than when it was packed")

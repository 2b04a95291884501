"""Archives of public data sets: found or downloaded, checked, unpacked."""

import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segsweep.errors import InputError


@dataclass(frozen=True)
class Archive:
    """A file that a data set is made from.

    Attributes:
        name: of the file.
        url: where it is downloaded from; None where that takes a login.
        checksum: `md5:...` or `sha256:...`; None where the source packs it again each time, and `lay_out` checks the
            content instead.
    """

    name: str
    url: str | None
    checksum: str | None


def at_commit(page: str, commit: str) -> Archive:
    """A repository on GitHub as it was at a commit: packed again for each download, so `check_content` must follow."""
    return Archive(f"{page.rpartition('/')[2]}-{commit[:7]}.zip", f"{page}/archive/{commit}.zip", None)


def obtain(
    archives: tuple[Archive, ...], folder: Path, page: str, say: Callable[[str], None] = print
) -> dict[str, Path]:
    """The archives in a folder, downloaded where they are missing and can be, checked.

    Args:
        archives: what is needed.
        folder: where they lie, or are put.
        page: where a person finds them.
        say: told of what happens.

    Returns:
        Path of each by its name.

    Raises:
        InputError: with one problem for each archive that could not be had or has another checksum.
    """
    problems = []
    for archive in archives:
        path = folder / archive.name
        try:
            if not path.is_file():
                _download(archive, path, page, say)
            _check(archive, path, page, say)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return {archive.name: folder / archive.name for archive in archives}


def unpack_members(
    path: Path, folder: Path, target_of: Callable[[PurePosixPath], PurePosixPath | None], *, count: int | None = None
) -> list[Path]:
    """Unpack files of a zip or tar.

    Args:
        path: the archive.
        folder: where to.
        target_of: gives the path in the folder of a path in the archive, or None to leave it out.
        count: of the files that must be unpacked; None for any number.

    Raises:
        InputError: it is no such archive, is damaged, or holds another number of files.
    """
    written = []
    try:
        for name, read in _members(path):
            target = target_of(PurePosixPath(name))
            if target is None:
                continue
            if target.is_absolute() or ".." in target.parts:
                raise InputError(f"{path}: the member {name} points outside of its folder. Fetch the archive again.")
            file = folder / target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(read())
            written.append(file)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(f"{path}: cannot be unpacked ({error}). Delete it and fetch it again.") from error
    if count is not None and len(written) != count:
        raise InputError(f"{path}: {len(written)} files of interest, expected {count}. Is it the archive of that name?")
    return written


def check_content(archive: Path, what: str, content: Iterable[bytes], expected: str) -> None:
    """Compare what was unpacked with what the source holds, where the archive itself has no checksum.

    Args:
        archive: where it came from.
        what: what it is, for the problem.
        content: the bytes, in pieces and in an order that never changes.
        expected: their SHA-256.

    Raises:
        InputError: it is something else.
    """
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    if (found := digest.hexdigest()) != expected:
        raise InputError(
            f"{archive}: the {what} have another SHA-256, {found}, expected {expected}. "
            "Delete the archive and fetch it again."
        )


def write_list(folder: Path, split: str, names: Iterable[str]) -> None:
    """The list of names that says which images make a split."""
    (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _members(path: Path):
    """(name, function that reads it) of each file of an archive."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: archive.read(info)
        return
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isfile():
                yield entry.name, lambda entry=entry: archive.extractfile(entry).read()


def _download(archive: Archive, path: Path, page: str, say: Callable[[str], None]) -> None:
    by_hand = f"Get {archive.name} from {page} and put it into {path.parent}, then run this again"
    if archive.url is None:
        raise InputError(f"{path}: missing, and its source asks for a login. {by_hand}.")
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    say(f"downloading {archive.url}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        Repo.get_url(archive.url, str(partial), force=True)
    except (DvcException, OSError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{archive.url}: cannot be downloaded ({error}). {by_hand}.") from error
    partial.replace(path)


def _check(archive: Archive, path: Path, page: str, say: Callable[[str], None]) -> None:
    if archive.checksum is None:
        return
    kind, _, expected = archive.checksum.partition(":")
    say(f"checking {path}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != expected:
        raise InputError(
            f"{path}: its {kind} is {found}, expected {expected}: truncated, damaged, or another version. "
            f"Delete it and fetch it again from {page}."
        )

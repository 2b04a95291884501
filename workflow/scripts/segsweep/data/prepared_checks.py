"""Prepared data that is read is what was prepared."""

from collections.abc import Collection, Sequence
from pathlib import Path

from segsweep.checksums import HAS_SUMS, SUMS, CheckedFiles, DamagedFile, compared, digest_of, read_sums, sums_text
from segsweep.data.prepared import MANIFEST, Prepared, read_manifest
from segsweep.errors import InputError
from segsweep.io import regular, write_bytes, write_json
from segsweep.typed_commands import typed

REPAIR = f"`{typed('verify', '--repair', target='repair')}` forgets it; start again, and it is prepared again."


def write_prepared_sums(folder: Path) -> None:
    """Write the checksums of a folder that was just prepared, have its manifest say that there are, and read it back.

    Raises:
        DamagedFile: the disk does not give back what was written.
    """
    write_json(folder / MANIFEST, read_manifest(folder) | {HAS_SUMS: True})
    digests = sums_of_manifest(folder) | {MANIFEST: digest_of(folder / MANIFEST)}
    write_bytes(folder / SUMS, lambda file: file.write(sums_text(digests.items())))
    check_prepared(folder)


def check_prepared(folder: Path, only: Collection[str] | None = None) -> None:
    """Compare the files of a prepared folder that changed since they were last compared; all of them, or some by name.

    A folder that is not there is left to its reader.

    Raises:
        DamagedFile: some differ, naming each.
        InputError: the manifest is unreadable or of another format.
    """
    if not regular(folder / MANIFEST).exists():
        return
    checked = CheckedFiles(folder.parent)
    sums = _sums_of(folder)
    wrong = [
        f"{folder / name}: differs from its checksum: it was changed since it was prepared. {REPAIR}"
        for name, digest in sums.items()
        if (only is None or name in only)
        and (folder / name).is_file()
        and not checked.matches(folder / name, lambda digest=digest: digest)
    ]
    if wrong:
        raise DamagedFile(*wrong)


def prepared_problems(folder: Path) -> list[str]:
    """What is wrong with the files of a prepared folder, all compared whether they changed or not: a line for each."""
    try:
        read_manifest(folder)
        return compared(folder, _sums_of(folder), lambda name: False, REPAIR)
    except InputError as error:
        return error.problems


def open_checked(folder: Path | str, classes: Sequence[str] | None = None) -> Prepared:
    """Open a prepared folder whose files are what was prepared; see `Prepared.open`.

    Raises:
        InputError: it is damaged, missing, incomplete or of another format, or has another number of classes.
    """
    check_prepared(Path(folder))
    return Prepared.open(folder, classes)


def sums_of_manifest(folder: Path) -> dict[str, str]:
    """Digests by name of the arrays of a prepared folder.

    Raises:
        InputError: as `read_manifest`, or it names none.
    """
    try:
        return {name: entry["sha256"] for name, entry in read_manifest(folder)["files"].items()}
    except (LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / MANIFEST}: names no checksums ({error!r}). {REPAIR}") from error


def _sums_of(folder: Path) -> dict[str, str]:
    """Digests by name of the files of a prepared folder: those of its manifest where it was prepared before SHA256SUMS.

    Raises:
        DamagedFile: that file is lost, or a part of it: the last line is the manifest's.
        InputError: as `sums_of_manifest`.
    """
    sums = read_sums(folder, REPAIR, MANIFEST)
    if sums is None:
        return sums_of_manifest(folder)
    if MANIFEST not in sums:
        raise DamagedFile(f"{folder / SUMS}: has no checksum of {MANIFEST}: a part of it is lost. {REPAIR}")
    return sums

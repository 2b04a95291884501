"""Checksums of a study's tables: noted by the program that made them, compared by those that read them.

They lie in results/<study>/.sums, a file for each rule. Tables of a rule without one, like those that were pulled, are
taken as they are.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from segsweep.checksums import CheckedFiles, DamagedFile, compared, digest_of, parse_sums, sums_text
from segsweep.disk_errors import naming, refused_by_disk
from segsweep.io import regular, write_bytes
from segsweep.tables import outputs
from segsweep.typed_commands import typed

FOLDER = ".sums"
REMEDY = f"Delete it (`{typed('verify', '--repair', target='repair')}` does so), and start again: it is made again."


def note_tables(folder: Path, rule: str) -> None:
    """Note the checksums of the tables and documents of a rule.

    Args:
        folder: results/<study>.
        rule: that has just made them.
    """
    made = _outputs(rule, folder)
    content = sums_text((path.relative_to(folder).as_posix(), digest_of(path)) for path in made)
    write_bytes(folder / FOLDER / rule, lambda file: file.write(content))
    for other in (folder / FOLDER).iterdir():
        if other.name != rule and set(made) & set(_outputs(other.name, folder)):
            other.unlink()  # it made them while the study was another one


def forget_noted(folder: Path) -> None:
    """Forget the checksums of all tables of a study: others take their place."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def check_tables(folder: Path) -> None:
    """Compare those of a study's tables that changed since they were last compared.

    Args:
        folder: results/<study>.

    Raises:
        DamagedFile: some were changed since they were made, or their checksum is lost, naming each.
    """
    checked = CheckedFiles(folder)
    wrong = [
        _lost(path) if digest is None else f"{path}: was changed since it was made. {REMEDY}"
        for path, digest in _noted(folder)
        if digest is None or not checked.matches(path, lambda digest=digest: digest)
    ]
    if wrong:
        raise DamagedFile(*wrong)


def table_problems(folder: Path) -> dict[Path, list[str]]:
    """What is wrong with a study's tables, all compared whether they changed or not, by file."""
    found = {}
    for path, digest in _noted(folder):
        name = path.relative_to(folder).as_posix()
        problems = [_lost(path)] if digest is None else compared(folder, {name: digest}, lambda name: True, REMEDY)
        if problems:
            found[path] = problems
    return found


def _noted(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """A study's tables that are there, with their digests; those whose rule has noted some, but not theirs, with None.

    A rule notes all that it makes at once, so a part of what it has noted is lost then.
    """
    for file in sorted((folder / FOLDER).glob("*")):
        try:
            with naming(file):
                digests = parse_sums(regular(file).read_bytes())
        except (OSError, ValueError) as error:
            if refused_by_disk(error):  # the tables may be as they were made
                raise
            digests = {}
        for path in _outputs(file.name, folder):
            yield path, digests.get(path.relative_to(folder).as_posix())


def _outputs(rule: str, folder: Path) -> list[Path]:
    """The tables and documents of a rule that are there."""
    return [path for path in map(Path, outputs(rule, folder).values()) if path.is_file()]


def _lost(path: Path) -> str:
    return f"{path}: its checksum is lost, in {FOLDER}. {REMEDY}"

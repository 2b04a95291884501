"""Checksums of a study's tables: noted by the program that made them, compared by those that read them.

They lie in results/<study>/.sums, a file for each rule. Tables without one, like those that were pulled, are taken as
they are.
"""

from pathlib import Path

from segsweep.checksums import CheckedFiles, DamagedFile, compared, digest_of, parse_sums, sums_text
from segsweep.io import write_bytes
from segsweep.tables import outputs

FOLDER = ".sums"
REMEDY = "Delete it (`make repair` does so), and start again: it is made again."


def note_tables(folder: Path, rule: str) -> None:
    """Note the checksums of the tables and documents of a rule.

    Args:
        folder: results/<study>.
        rule: that has just made them.
    """
    there = [path for path in map(Path, outputs(rule, folder).values()) if path.is_file()]
    content = sums_text((path.relative_to(folder).as_posix(), digest_of(path)) for path in there)
    write_bytes(folder / FOLDER / rule, lambda file: file.write(content))


def check_tables(folder: Path) -> None:
    """Compare those of a study's tables that changed since they were last compared.

    Args:
        folder: results/<study>.

    Raises:
        DamagedFile: some were changed since they were made, naming each.
    """
    checked = CheckedFiles(folder)
    wrong = [
        f"{folder / name}: was changed since it was made. {REMEDY}"
        for name, digest in noted(folder).items()
        if (folder / name).is_file() and not checked.matches(folder / name, lambda digest=digest: digest)
    ]
    if wrong:
        raise DamagedFile(*wrong)


def table_problems(folder: Path) -> dict[Path, list[str]]:
    """What is wrong with a study's tables, all compared whether they changed or not, by file."""
    found = {}
    for name, digest in noted(folder).items():
        if problems := compared(folder, {name: digest}, lambda name: True, REMEDY):
            found[folder / name] = problems
    return found


def noted(folder: Path) -> dict[str, str]:
    """Digests of a study's tables by name; none of a rule whose file cannot be read: it is written with the tables."""
    found: dict[str, str] = {}
    for path in sorted((folder / FOLDER).glob("*")):
        try:
            found |= parse_sums(path.read_bytes())
        except (OSError, ValueError):
            continue
    return found

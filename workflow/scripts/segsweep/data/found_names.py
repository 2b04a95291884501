"""Names that are there: of files that a pattern finds on the disk, or of the images of one file."""

import re
from collections.abc import Collection, Iterable
from glob import escape
from pathlib import Path, PurePath

from segsweep.errors import InputError


def found_names(root: Path, pattern: str, folder: str) -> list[tuple[str, str]]:
    """Name and file of each file that a pattern finds, in the order of the files; hidden ones aside.

    Args:
        root: folder of the data set.
        pattern: with {name}, which stands for a part of one folder or file, and {split}.
        folder: filled in for {split}.

    Raises:
        InputError: it finds none.
    """
    parts = pattern.format(split=folder, name="\0").split("\0")
    first, *rest = map(re.escape, parts)
    expression = re.compile(f"{first}(?P<name>[^/]+){'(?P=name)'.join(rest)}")
    found = {}
    for path in sorted(root.glob("*".join(map(escape, parts)))):
        match = expression.fullmatch(path.relative_to(root).as_posix())
        if match and not path.name.startswith(".") and not path.is_dir():
            found[match["name"]] = path
    if not found:
        filled_in = root / pattern.replace("{split}", folder)
        raise InputError(f"{filled_in}: there is no such file. Put the data there, or correct the pattern or `splits`.")
    return [(name, str(path)) for name, path in found.items()]


def unknown_names(names: Iterable[tuple[str, str]], known: Collection[str], file: Path | str) -> list[str]:
    """Problems: the names of a list or table, with locations, that a file knows no image of."""
    by_stem = {PurePath(name).stem: name for name in known}
    problems = []
    for name, location in names:
        if name not in known:
            near = by_stem.get(PurePath(name).stem)
            hint = f"; did you mean {near!r}?" if near else "."
            problems.append(f"{location}: {file} has no image {name!r}{hint} Correct the name, or take it out.")
    return problems

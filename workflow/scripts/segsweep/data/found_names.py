"""Names of the files that a pattern finds on the disk."""

import re
from glob import escape
from pathlib import Path

from segsweep.errors import InputError


def found_names(root: Path, pattern: str, folder: str, *, folders_too: bool = False) -> list[tuple[str, str]]:
    """Name and file of each file that a pattern finds, in the order of the files; hidden ones aside.

    Args:
        root: folder of the data set.
        pattern: with {name}, which stands for what a name in a list may be: a part of a path, of folders as well.
        folder: filled in for {split}.
        folders_too: what is found may be a folder, and {name} is a part of one folder or file then.

    Raises:
        InputError: it finds none, or some that differ in upper and lower case only.
    """
    parts = pattern.format(split=folder, name="\0").split("\0")
    first, *rest = map(re.escape, parts)
    expression = f"{first}(?P<name>{'[^/]' if folders_too else '.'}+){'(?P=name)'.join(rest)}"
    folders, _, _ = "*".join(map(escape, parts)).rpartition("/")
    paths = set(root.glob(f"{folders}/*".lstrip("/")))
    if not folders_too:
        paths.update(root.glob(f"{escape(parts[0]).rpartition('/')[0]}/**/*".lstrip("/")))
    found, other_case = {}, []
    for path in sorted(paths):
        place = path.relative_to(root).as_posix()
        if place.startswith(".") or "/." in place or (path.is_dir() and not folders_too):
            continue
        if match := re.fullmatch(expression, place, re.DOTALL):
            found[match["name"]] = path
        elif re.fullmatch(expression, place, re.DOTALL | re.IGNORECASE):
            other_case.append(place)
    if other_case:
        raise InputError(
            f"{root / other_case[0]}: fits {pattern!r} but for upper and lower case, and so do "
            f"{len(other_case) - 1:,} more. Rename them, so that none is left out unseen."
        )
    if not found:
        filled_in = root / pattern.replace("{split}", folder)
        raise InputError(f"{filled_in}: there is no such file. Put the data there, or correct the pattern or `splits`.")
    return [(name, str(path)) for name, path in found.items()]

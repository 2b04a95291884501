"""The folder `out` of a segment that a program trains: begun, and reduced to what is kept."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def begin_with(out: Path, parent: Path | None) -> None:
    """Make the folder again: a copy of the one that it continues, or empty.

    Args:
        out: the folder.
        parent: the folder `out` of the segment that it continues, or None.
    """
    if out.exists():
        shutil.rmtree(out)
    if parent is None:
        out.mkdir(parents=True)
        return
    half = out.with_name(f"{out.name}.copy")  # a copy that is cut short must not be taken for a whole one
    if half.exists():
        shutil.rmtree(half)
    shutil.copytree(parent, half, symlinks=True, ignore=_without_content)
    half.rename(out)


def files_in(out: Path) -> dict[Path, tuple[int, int]]:
    """The files in a folder, with time and size of each."""
    found = {}
    for folder, _, names in os.walk(out):
        for path in (Path(folder, name) for name in names):
            try:
                state = path.stat()
            except OSError:  # renamed meanwhile
                continue
            found[path] = (state.st_mtime_ns, state.st_size)
    return found


def keep_only(out: Path, patterns: Iterable[str]) -> None:
    """Remove the files that match no pattern, and the folders that are empty then.

    Args:
        out: the folder.
        patterns: relative to it; `**` alone is everything.
    """
    patterns = list(patterns)
    if "**" in patterns:
        return
    kept = {path for pattern in patterns for found in out.glob(pattern) for path in _with_content(found, out)}
    for folder, _, names in os.walk(out, topdown=False):
        for path in (Path(folder, name) for name in names):
            if path not in kept:
                path.unlink()
        if Path(folder) != out and not os.listdir(folder):
            os.rmdir(folder)


def make_links_relative(out: Path) -> None:
    """Have the links to what lies in the folder name it from where they are: the folder gets another name."""
    root = out.resolve()
    for path in [*root.rglob("*")]:
        if path.is_symlink() and os.path.isabs(target := os.readlink(path)) and Path(target).is_relative_to(root):
            path.unlink()
            path.symlink_to(os.path.relpath(target, path.parent))


def _without_content(folder: str, names: list[str]) -> list[str]:
    """The pipes and sockets among the names in a folder: they cannot be copied."""
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())]


def _with_content(path: Path, out: Path) -> set[Path]:
    """What a name stands for: itself, what lies in it if it is a folder, and all of that which links name in `out`."""
    todo, found = [path], set()
    while todo:
        path = todo.pop()
        if path in found:
            continue
        found.add(path)
        if path.is_symlink():
            target = path.resolve()
            if target.is_relative_to(out.resolve()):
                todo.append(out / target.relative_to(out.resolve()))
        elif path.is_dir():
            todo += path.iterdir()
    return found

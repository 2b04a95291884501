"""The fingerprint of a program of one's own: of its files, of the local modules that they import, of what it reads.

Python counts by its syntax tree, without docstrings and comments, and with it the modules that it imports, as far as
they lie where Python looks for them here: beside the program, in the folder where it runs, on PYTHONPATH. Libraries do
not count. Of any other file the content counts, and of a shell script the files that it names. A folder of code stands
for its sources: no outputs that the program leaves there. Where files lie counts only as far as they name each other:
a folder that moves trains nothing again.
"""

import ast
import hashlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.planning.data_fingerprint import dvc_md5, md5, tracked_md5
from segsweep.planning.definitions import tree_hash
from segsweep.planning.remembered import Remembered

SOURCES = {
    ".py", ".pyx", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".sh", ".bash",
    ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cu", ".cuh",
}  # fmt: skip
# Also code where a command names it.
NAMED = {".json", ".ipynb"} | SOURCES
SHELL = {".sh", ".bash"}
# Folders that programs write into.
OUTPUTS = {"outputs", "multirun", "lightning_logs", "wandb", "mlruns", "runs", "logs", "results", "__pycache__"}

QUOTING = set("'\"\\")


def source_readings(file: Path | None) -> Remembered:
    """A memory of source files, of this version of Python and of what is read out of them."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    return Remembered(file, f"{sys.version_info[0]}.{sys.version_info[1]} {own}")


def input_hashes(file: Path | None) -> Remembered:
    """A memory of the hashes of what programs read."""
    return Remembered(file, "1")


class ProgramCode:
    """The code of a study's program as it lies on the disk. Each file is read once."""

    def __init__(self, folder: Path, remembered: Remembered, python_path: Sequence[str] = ()):
        """
        Args:
            folder: where the program runs; the paths of its code are relative to it.
            remembered: from `source_readings`.
            python_path: folders in which its Python looks for modules besides, relative to `folder`.
        """
        self.folder, self.remembered = folder, remembered
        self.python_path = [folder / one for one in python_path if one]
        self._files: dict[frozenset[str], dict[Path, str]] = {}
        self._fingerprints: dict[frozenset[str], str] = {}
        self._names_code = cache(self._names_code_now)

    def fingerprint(self, roots: Iterable[str]) -> str:
        """Hash of the code that files and folders lead to."""
        roots = frozenset(roots)
        if roots not in self._fingerprints:
            lines = sorted(f"{label} {self._digest(file)}" for file, label in self._found(roots).items())
            self._fingerprints[roots] = short_hash(lines)
        return self._fingerprints[roots]

    def hashes(self, roots: Iterable[str]) -> dict[str, str]:
        """A hash of each file that files and folders lead to, by its path relative to where the program runs."""
        files = self._found(frozenset(roots))
        return {os.path.relpath(file, self.folder): self._digest(file) for file in files}

    @property
    def files(self) -> list[str]:
        """All files that were looked at so far, relative to where the program runs."""
        return sorted({os.path.relpath(file, self.folder) for found in self._files.values() for file in found})

    def roots_in(self, command: str) -> frozenset[str]:
        """The files of code that a command names: `my/train.py`, and of `-m my.train` the module's."""
        words = _words(command)
        modules = [self._of_module(word) for before, word in pairwise(words) if before == "-m"]
        return frozenset(filter(None, [*filter(self._names_code, _paths(words)), *modules]))

    def others_in(self, command: str) -> list[str]:
        """What else a command names that is here: files and folders of data, perhaps."""
        there = [one for one in _paths(_words(command)) if one.strip("./") and os.path.exists(self.folder / one)]
        return [one for one in there if not self._names_code(one)]

    def _names_code_now(self, word: str) -> bool:
        # A word may be anything, also what is too long for a name: `os.path` says then that there is no such file.
        path = self.folder / word
        return os.path.isfile(path) and (path.suffix in NAMED or os.access(path, os.X_OK))

    def _of_module(self, name: str) -> str | None:
        stem = self.folder.joinpath(*name.split("."))
        found = next((one for one in (stem.with_suffix(".py"), stem / "__main__.py") if one.is_file()), None)
        return os.path.relpath(found, self.folder) if found else None

    def _found(self, roots: frozenset[str]) -> dict[Path, str]:
        """The files that some roots lead to, each with a label that tells where it lies as seen from what names it."""
        if roots not in self._files:
            self._files[roots] = self._find(roots)
        return self._files[roots]

    def _find(self, roots: frozenset[str]) -> dict[Path, str]:
        found: dict[Path, str] = {}
        looked_in = []
        for path in (self.folder / root for root in sorted(roots)):
            within = path if path.is_dir() else path.parent
            looked_in.append(within)
            for file in sources_in(path) if path.is_dir() else [path]:
                found.setdefault(file.resolve(), os.path.relpath(file, within))
        looked_in = list(dict.fromkeys([*looked_in, self.folder, *self.python_path]))
        todo = list(found)
        while todo:
            for label, file in self._imported(todo.pop(), looked_in):
                if file.resolve() not in found:
                    found[file.resolve()] = label
                    todo.append(file.resolve())
        return found

    def _imported(self, file: Path, looked_in: list[Path]) -> Iterator[tuple[str, Path]]:
        """The local modules that importing a file leads to, and the files that a shell script names: (label, file)."""
        if file.suffix in SHELL:
            named = self.roots_in(file.read_text(encoding="utf-8", errors="replace"))
            yield from ((os.path.relpath(one, self.folder), self.folder / one) for one in named)
        for level, name in self._read(file)[1]:
            parts = name.split(".") if name else []
            for folder in [file.parents[level - 1]] if 0 < level <= len(file.parents) else looked_in:
                steps = [folder.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
                files = [one for step in steps for one in (step.with_suffix(".py"), step / "__init__.py")]
                files += [folder / "__init__.py"] * bool(level)
                if there := [one for one in files if one.is_file()]:
                    yield from ((os.path.relpath(one, folder), one) for one in there)
                    break

    def _digest(self, file: Path) -> str:
        return self._read(file)[0]

    def _read(self, file: Path) -> tuple[str, list[tuple[int, str]]]:
        """A hash of what counts of a file, and what it imports: (level, dotted name)."""
        try:
            digest, imports = self.remembered.of(file, _read_source)
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error}), and is code of the study. Correct `code`.") from error
        return digest, imports


def sources_in(folder: Path) -> list[Path]:
    """The sources in a folder of code, in the order of their names."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in OUTPUTS and not one.startswith("."))
        found += [Path(here, name) for name in sorted(names) if Path(name).suffix in SOURCES]
    return found


def inputs_fingerprint(paths: Iterable[str], folder: Path, remembered: Remembered) -> str:
    """Hash of the contents of what a program reads; of what is not here, as DVC knows it. Empty of nothing.

    Args:
        paths: files and folders, relative to `folder`.
        folder: where the program runs.
        remembered: from `input_hashes`.

    Raises:
        InputError: one is not there, and DVC does not track it.
    """

    def content(path: Path) -> str:
        if path.is_dir():
            return dvc_md5(path, lambda file: remembered.of(file, md5))
        return remembered.of(path, md5) if path.exists() else tracked_md5(tracked_by_dvc(path))

    found = [content(folder / path) for path in paths]
    return short_hash(sorted(found)) if found else ""


def tracked_by_dvc(path: Path) -> Path:
    """The .dvc file that tracks a file or folder, if it does."""
    return path.with_name(f"{path.name}.dvc")


def _read_source(path: Path) -> list:
    content = path.read_bytes()
    if path.suffix == ".py":
        try:
            tree = ast.parse(content)
            return [tree_hash(tree), sorted(set(_imports(tree)))]
        except (SyntaxError, ValueError):  # of another Python: it counts as any other file
            pass
    return [hashlib.sha256(content).hexdigest()[:16], []]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a module imports anywhere: what stands behind `import` may be a name in a module, or a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""
            yield from (
                (node.level, f"{node.module}.{alias.name}" if node.module else alias.name) for alias in node.names
            )


def _paths(words: Iterable[str]) -> list[str]:
    """Words that may be paths, and what stands behind `=` in others."""
    return [part for word in words for part in (word, word.partition("=")[2]) if part and "{" not in part]


def _words(command: str) -> list[str]:
    if not QUOTING & set(command):  # of ten thousand commands, looking for quotes takes seconds
        return command.split()
    try:
        return shlex.split(command)
    except ValueError:  # quotes that the shell will refuse
        return command.split()

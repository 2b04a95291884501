"""The fingerprint of the code that a setting runs.

It is made of syntax trees without comments, docstrings and formatting, of the modules that are reached
by following imports inside the package from the entry modules that a setting names. No list is kept by hand.
"""

import ast
import hashlib
import json
import sys
from functools import lru_cache
from pathlib import Path

from segsweep.registry import COMPONENTS

PACKAGE = Path(__file__).resolve().parents[1]
LOOP = "segsweep.training.loop"
# Settings classes, addresses and errors' wording change far more often than what they mean for a training;
# a setting's values are part of the address themselves.
SETTINGS = tuple(f"segsweep.{name}" for name in ("planning", "config", "errors", "io", "formatting", "registry"))


def fingerprint(train: dict, task: str, *, package: Path = PACKAGE) -> str:
    """Hash of all code that a training with this setting runs.

    Args:
        train: a dump of `Train`.
        task: task of the data set.
        package: folder of the package, for tests.
    """
    return _fingerprint(tuple(sorted(entries(train, task))), package)


def fingerprint_of(name: str, package: Path = PACKAGE) -> str:
    """Hash of the code that one entry module reaches."""
    return _fingerprint((name,), package)


def entries(train: dict, task: str) -> set[str]:
    """The modules that a setting names: the loop, its task, model and losses."""
    loss = train["loss"]
    named = {LOOP, COMPONENTS["task"][task], COMPONENTS["model"][train["model"]["arch"]]}
    for part in ("main", "aux", "seg"):
        named |= {COMPONENTS["loss"][name] for name, term in (loss[part] or {}).items() if term is not None}
    named |= {COMPONENTS["loss"][name] for name in ("detection", "db") if name in losses_of(task)}
    return named


def losses_of(task: str) -> tuple[str, ...]:
    """Losses that come with a task instead of being named as terms."""
    return {"multitask": ("detection",), "text": ("db",)}.get(task, ())


@lru_cache(maxsize=4096)
def _fingerprint(names: tuple[str, ...], package: Path) -> str:
    digest = hashlib.sha256()
    for name in sorted(reached(names, package)):
        digest.update(f"{name}:{_read(_file(name, package))[0]}\n".encode())
    return digest.hexdigest()[:16]


def reached(names: tuple[str, ...], package: Path = PACKAGE) -> set[str]:
    """All modules of the package that importing these leads to, the settings' own aside."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in found or name.startswith(SETTINGS):
            continue
        found.add(name)
        todo += _imports(name, package)
    return found


@lru_cache(maxsize=4096)
def _imports(name: str, package: Path) -> tuple[str, ...]:
    """Modules of the package that a module imports, at any depth of its code."""
    path = _file(name, package)
    base = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = []
    for level, module, names in _read(path)[1]:
        parts = base.split(".")
        start = ".".join(parts[: len(parts) - level + 1]) if level else ""
        module = ".".join(filter(None, (start, module)))
        # `from package import thing`: the thing is a module or lies in the package.
        found += [f"{module}.{thing}" for thing in names]
        found.append(module)
    return tuple(module for module in dict.fromkeys(found) if _exists(module, package))


def _exists(name: str, package: Path) -> bool:
    if name.split(".")[0] != "segsweep":
        return False
    stem = package.joinpath(*name.split(".")[1:])
    return stem.with_suffix(".py").is_file() or (stem / "__init__.py").is_file()


def _file(name: str, package: Path) -> Path:
    stem = package.joinpath(*name.split(".")[1:])
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


@lru_cache(maxsize=4096)
def _read(path: Path) -> tuple[str, list]:
    """(hash of the syntax tree without docstrings, [[level, module, names] of each import]) of a file."""
    stamp = _stamp(path)
    known = _known.get(str(path))
    if known is None or known[0] != stamp:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        known = _known[str(path)] = [stamp, *_facts(tree)]
    return known[1], known[2]


def _facts(tree: ast.Module) -> tuple[str, list]:
    imports = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Import):
            imports += [[0, alias.name, []] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append([node.level, node.module, [alias.name for alias in node.names]])
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


# What was found in files, by their paths, as long as their stamps are the same: parsing them all takes a second.
_known: dict[str, list] = {}


def _stamp(path: Path) -> list[int]:
    """What changes with a file's content (the time of change of its entry cannot be set), or with Python's grammar."""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, *sys.version_info[:2]]


def recall(file: Path) -> None:
    """Take over what an earlier process found, from a file with the text of `readings`; none is needed."""
    try:
        _known.update(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return


def readings() -> str:
    """What is known of all files that were read, as JSON for `recall`."""
    return json.dumps(_known, sort_keys=True)


def program_fingerprint(name: str, package: Path = PACKAGE) -> str:
    """Hash of all code that a program of workflow/scripts runs, the settings included."""
    path = package.parent / f"{name}.py"
    modules = [module for _, module, _ in _read(path)[1] if module and _exists(module, package)]
    text = "\n".join(
        [_read(path)[0], *(tree_of(module, package) for module in sorted(reached(tuple(modules), package)))]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tree_of(name: str, package: Path = PACKAGE) -> str:
    """Hash of a module's syntax tree, docstrings left out."""
    return _read(_file(name, package))[0]


def forget() -> None:
    """Read all files anew: for a test that edits them."""
    for cached in (_fingerprint, _imports, _read):
        cached.cache_clear()
    _known.clear()

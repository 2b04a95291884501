"""The fingerprint of the code that a setting runs.

It is made of syntax trees without comments, docstrings and formatting, of the modules that are reached
by following imports inside the package from the entry modules that a setting names. No list is kept by hand.
"""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from .components import COMPONENTS

PACKAGE = Path(__file__).resolve().parents[1]
LOOP = "segsweep.training.segment"
# Settings classes, addresses and errors' wording change far more often than what they mean for a training;
# a setting's values are part of the address themselves.
SETTINGS = ("segsweep.study",)


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
        digest.update(f"{name}:{_tree(_file(name, package))}\n".encode())
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
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = base.split(".")
            start = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            # `from package import thing`: the thing is a module or lies in the package.
            found += [f"{module}.{alias.name}" for alias in node.names]
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
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@lru_cache(maxsize=4096)
def _tree(path: Path) -> str:
    """The syntax tree as text, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def program_fingerprint(name: str, package: Path = PACKAGE) -> str:
    """Hash of all code that a program of workflow/scripts runs, the settings included."""
    path = package.parent / f"{name}.py"
    modules = [node.module for node in ast.walk(_parsed(path)) if isinstance(node, ast.ImportFrom) and node.module]
    modules = [module for module in modules if _exists(module, package)]
    text = "\n".join([_tree(path), *(tree_of(module, package) for module in sorted(reached(tuple(modules), package)))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tree_of(name: str, package: Path = PACKAGE) -> str:
    """Hash of a module's syntax tree, docstrings left out."""
    return _tree(_file(name, package))


def forget() -> None:
    """Read all files anew: for a test that edits them."""
    for cached in (_fingerprint, _imports, _parsed, _tree):
        cached.cache_clear()

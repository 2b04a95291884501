"""Classes of settings out of a component's file, compiled without the rest of it.

Settings and facts of a component are needed where torch and pandas must not be imported (a dry run), its functions
where it trains. So of its file only the class of its settings is compiled here, with what this class refers to.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from segsweep.config.settings import Component
from segsweep.errors import InputError
from segsweep.syntax import ModuleSyntax

SETTINGS = "segsweep.config."  # modules that hold what components derive from
# What would slow down each start of Snakemake.
HEAVY = {"albumentations", "cv2", "monai", "numpy", "optuna", "pandas", "scipy", "timm", "torch", "torchvision"}
Kinds = type[Component] | tuple[type[Component], ...]


def syntax_of(path: Path) -> ModuleSyntax:
    """What a file defines.

    Raises:
        InputError: it cannot be read, or is not valid Python.
    """
    try:
        return ModuleSyntax(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}. Check the file and its permissions.") from error
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: not valid Python: {error.msg}. Correct it.") from error


def classes_in(path: Path, module: str, base: Kinds) -> list[type[Component]]:
    """The classes of a file whose base is a kind's, compiled without the rest of the file.

    Args:
        path: the file.
        module: the module's name.
        base: class of the kind, or several of which one is.

    Raises:
        InputError: the file is not valid Python, or such a class refers to what would import torch or the like.
    """
    syntax = syntax_of(path)
    names = _subclasses(syntax, base)
    if not names:
        return []
    reached = syntax.reached(set(names))
    for name in sorted(reached & syntax.imports.keys()):
        if (package := syntax.imports[name][0].partition(".")[0]) in HEAVY:
            raise InputError(
                f"{path}: the settings {', '.join(names)} refer to {name}, which imports {package}. Settings and facts "
                "are read without it: let the functions of the file refer to it instead."
            )
    namespace: dict[str, Any] = {"__name__": module, "__file__": str(path)}
    try:
        exec(compile(syntax.module_of(reached), str(path), "exec"), namespace)
    except Exception as error:  # of any kind: it is a person's code
        raise InputError(
            f"{path}: the settings {', '.join(names)} cannot be read by themselves: {type(error).__name__}: {error}. "
            "Correct them; what they refer to is defined in the file, or imported from an installed package."
        ) from error
    return [namespace[name] for name in names]


def _subclasses(syntax: ModuleSyntax, base: Kinds) -> list[str]:
    """Names of the classes of a module that derive from a kind's class."""
    known = {
        local
        for local, (module, symbol) in syntax.imports.items()
        if module.startswith(SETTINGS)
        and isinstance(cls := getattr(import_module(module), symbol or "", None), type)
        and issubclass(cls, base)
    }
    found = []
    for name, node in syntax.definitions.items():
        if any(getattr(one, "id", None) in known for one in getattr(node, "bases", ())):
            known.add(name)
            found.append(name)
    return found

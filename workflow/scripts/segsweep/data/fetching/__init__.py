"""Public data sets: where each comes from, how it is checked, and how it is laid out for its reader.

One file a set, found by name, with TITLE, LICENCE, PAGE, SIZE (of the archives, in words), ROOT (its folder under
data_root), ARCHIVES, and `lay_out(archives, folder)`.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names() -> list[str]:
    """Names of all sets."""
    return sorted(module.name for module in iter_modules(__path__))


def load(name: str) -> ModuleType:
    """The module of a set."""
    return import_module(f"{__name__}.{name}")

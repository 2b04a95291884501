"""Imports own code: a file by its path, with the modules beside it that it imports.

Files of own code are modules of the package `own_code`, by the parts of their paths. So two files of one name are two
modules, relative imports work, and an installed package that imports `utils` never gets a person's `utils.py`. What
own code itself imports is looked up beside it and in the working folder (`segsweep.own_code.local_imports`).
"""

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

from segsweep.own_code.local_imports import meant, path_of

imported_files: set[str] = set()  # of own code, by this process


def load_module(module: str) -> ModuleType:
    """A module of own code, imported.

    Raises:
        Exception: whatever the code raises; its traceback has the file and line.
    """
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # before that which searches the folders of packages
    return import_module(module)


class _Finder:
    """Finds the modules of own code, by their names."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        found = path_of(name)
        if found is None:
            return None
        if found.is_file():
            return spec_from_file_location(name, found, loader=_Loader(name, str(found)))
        start = found / "__init__.py"
        if start.is_file():
            return spec_from_file_location(
                name, start, loader=_Loader(name, str(start)), submodule_search_locations=[str(found)]
            )
        folder = ModuleSpec(name, None, is_package=True)
        folder.submodule_search_locations = [str(found)]
        return folder


class _Loader(SourceFileLoader):
    """Runs a file whose imports look beside it."""

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        imported_files.add(self.path)
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": _import}
        super().exec_module(module)


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """As Python's own, which runs for each `import` statement of own code."""
    importer = (globals or {}).get("__name__", "")
    own = meant(name, importer) if level == 0 else name
    if own == name:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    module = builtins.__import__(own, globals, locals, ("__name__",), 0)
    if fromlist:
        return builtins.__import__(own, globals, locals, fromlist, 0)
    further = name.count(".")  # `import my.blocks` binds `my`
    return module if not further else sys.modules[own.rsplit(".", further)[0]]

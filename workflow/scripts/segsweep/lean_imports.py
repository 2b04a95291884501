"""Imports of a library without what it imports only because that happens to be installed.

timm imports wandb for a function that nobody calls here: two seconds of each start that builds a network. And imports
without looks for garbage, of which they make next to none: a fifth of the time of what a training imports.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import ModuleType

# A module, and the package that it imports without need.
ON_USE = {"timm.utils.summary": "wandb"}


def install(modules: dict[str, str] = ON_USE) -> None:
    """From now on these modules import these packages when they use them. No other import changes.

    Programs begin with it, and `segsweep.open`.
    """
    if not any(isinstance(finder, _Finder) and finder.modules == modules for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(modules))


@contextmanager
def uncollected() -> Iterator[None]:
    """Import within the block without looks for garbage; later looks leave alone what is there by then."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Finder:
    """Finds only the modules that it is told of."""

    def __init__(self, modules: dict[str, str]):
        self.modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if name not in self.modules:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
            spec.loader.package = self.modules[name]
        return spec


class _Loader(SourceFileLoader):
    """Executes a module while `package` is a stand-in."""

    package: str

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        with _on_use(self.package):
            super().exec_module(module)


class _StandIn(ModuleType):
    """In place of a package for who may use it: imports it then."""

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self.__name__), name)


@contextmanager
def _on_use(package: str) -> Iterator[None]:
    """Within the block, importing a package that is installed and not imported yet gives a stand-in."""
    if package in sys.modules or find_spec(package) is None:
        yield
        return
    sys.modules[package] = _StandIn(package)
    try:
        yield
    finally:
        del sys.modules[package]

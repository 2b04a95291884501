"""The functions of own components, called as those of built-in ones are."""

import os
from collections.abc import Callable
from traceback import extract_tb
from types import SimpleNamespace
from typing import Any

from segsweep.config.settings import Component
from segsweep.errors import InputError
from segsweep.own_code.loading import imported_files, load_module
from segsweep.own_code.names import OwnName


def own_functions(cls: type[Component]) -> SimpleNamespace:
    """The functions of an own component by the names that its kind has for them, its file imported.

    Args:
        cls: its settings class.

    Raises:
        InputError: the file cannot be imported; names the line.
    """
    own = cls.own
    try:
        module = load_module(cls.__module__)
    except (Exception, SystemExit) as error:  # of any kind: a person's code may even read arguments and end
        raise InputError(
            f"{location(error, own.name)}: {own.name} cannot be imported: {type(error).__name__}: {error}. Correct the "
            "file, or install what it imports."
        ) from error
    function = getattr(module, own.name.function)
    first, *_ = own.kind.functions
    called = function if own.parameters is None else by_keywords(function, cls)
    # What a kind may have beside its first function takes the same settings as this one.
    beside = vars(module) if own.parameters is None or not cls.gives_settings else {}
    return SimpleNamespace(**beside | {first: _noted(called, own.name)})


def by_keywords(function: Callable, cls: type[Component]) -> Callable:
    """A function of settings, and of what its kind provides, in place of one of its own parameters."""
    parameters, provides = cls.own.parameters, cls.own.kind.provides

    def passed(values: dict[str, Any]) -> Any:
        first = [values.pop(name) for name in parameters.by_position if name in values]
        return cls.result_of(function(*first, **values))

    def provided(*arguments: Any, **chosen: Any) -> Any:
        given = dict(zip(provides, arguments, strict=False))
        given = {name: given[name] for name in parameters.provided if name in given}
        return passed(given | chosen)

    def called(settings: Component, *arguments: Any) -> Any:
        chosen = {one.name: getattr(settings, one.name) for one in parameters.keys}
        further = chosen.pop(parameters.further) if parameters.further else {}
        return provided(*arguments, **chosen, **further)

    return called if cls.gives_settings else provided


def location(error: BaseException, name: OwnName) -> str:
    """`file:line` of the last line of a person's own file that an error went through; the file alone if of none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename)}:{error.lineno}"
    lines = [frame for frame in extract_tb(error.__traceback__) if frame.filename in imported_files]
    return f"{os.path.relpath(lines[-1].filename)}:{lines[-1].lineno}" if lines else name.file


def _noted(function: Callable, name: OwnName) -> Callable:
    """The function, whose errors say where in a person's file they come from."""

    def called(*arguments: Any, **further: Any) -> Any:
        try:
            return function(*arguments, **further)
        except InputError:
            raise
        except Exception as error:
            error.add_note(f"{location(error, name)}: raised in {name}")
            raise

    return called

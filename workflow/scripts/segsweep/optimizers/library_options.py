"""Optimizers of other libraries, with the options of their constructors."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import torch

from segsweep.config.components import OF_OTHER_KEYS, LibraryOptimizer
from segsweep.errors import InputError


def make_optimizer(
    settings: LibraryOptimizer, cls: type[torch.optim.Optimizer], make: Callable[..., torch.optim.Optimizer]
) -> torch.optim.Optimizer:
    """What `make(lr=..., weight_decay=..., **options)` makes; lists among the options become tuples.

    Args:
        settings: of the optimizer.
        cls: the optimizer's class, whose constructor says which options there are.
        make: makes the optimizer.

    Raises:
        InputError: an option that the class does not have, or a value that it does not take.
    """
    known = sorted(set(inspect.signature(cls).parameters) - set(OF_OTHER_KEYS))
    problems = []
    for option in set(settings.options) - set(known):
        near = get_close_matches(option, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        problems.append(
            f"optimizer.options: {settings.name} has no option {option!r}{hint} There are: {', '.join(known)}"
        )
    if problems:
        raise InputError(*sorted(problems))
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.options.items()
    }
    try:
        return make(lr=settings.lr, weight_decay=settings.weight_decay, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"optimizer: {settings.name} does not take the options {settings.options}: {error}; correct them"
        ) from error

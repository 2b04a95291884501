"""Imports of a library without what it imports only because that happens to be installed.

timm imports wandb for a function that nobody calls here: two seconds of each start that builds a network.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within the block a package that is not imported yet counts as not installed; afterwards it can be imported."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # the import system's own way to say so
    try:
        yield
    finally:
        del sys.modules[package]

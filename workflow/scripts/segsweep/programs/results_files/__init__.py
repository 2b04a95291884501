"""Files that programs write metrics into. A module for each format, with two things:

    COMPLETE_HEADER   whether all columns are there from the first row on
    read(path, whole) -> [{column: text}]
        What is written in the file so far, in its order, numbers alone, as texts that `float` reads. `whole` says
        that nothing more is written: a line without its end counts only then. Raises `MalformedFile`.

Several rows may be about one epoch, as of a program that writes training and validation one by one.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

Row = dict[str, str]


class MalformedFile(Exception):
    """A file of metrics is not what its format asks for; the message names file and line."""


class Format(NamedTuple):
    """See the module."""

    read: Callable[[Path, bool], list[Row]]
    complete_header: bool


_MODULES = {"csv": "csv_file", "jsonl": "json_lines", "tensorboard": "tensorboard_events", "lightning": "lightning_csv"}
FORMATS = tuple(_MODULES)


def format_name(pattern: str) -> str | None:
    """The format that a name or pattern of files tells; None if it tells none."""
    name = pattern.rpartition("/")[2].lower()
    if "tfevents" in name:
        return "tensorboard"
    if name.endswith((".jsonl", ".json", ".ndjson")):
        return "jsonl"
    return "csv" if name.endswith((".csv", ".tsv")) else None


def format_of(name: str) -> Format:
    """A format by its name: `csv`, `jsonl`, `tensorboard` or `lightning`."""
    module = import_module(f"segsweep.programs.results_files.{_MODULES[name]}")
    return Format(module.read, module.COMPLETE_HEADER)


def number_or_none(text: str) -> str | None:
    """A field as it is if it is a number, finite or not; None otherwise."""
    try:
        float(text)
    except ValueError:
        return None
    return text.strip()

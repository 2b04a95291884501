"""Data set files: each of the class of its reader."""

from collections.abc import Callable, Mapping
from typing import Any

from segsweep import registry
from segsweep.config.dataset_keys import Dataset
from segsweep.config.yaml_documents import nearest, parse
from segsweep.errors import InputError
from segsweep.own_code.names import own_name


def parse_dataset(values: Mapping[str, Any], location: Callable[[tuple], str] = lambda keys: "data set") -> Dataset:
    """The settings of a data set, of its reader's class. `location(keys)` says where a key stands.

    Raises:
        InputError: with one problem for each thing that is wrong.
    """
    known = dict(registry.classes("dataset"))
    reader = values.get("reader")
    if reader is None:
        return parse(Dataset, values, location)  # says that it is missing
    if own_name(reader):
        try:
            known[reader] = registry.find("dataset", reader)
        except InputError as error:
            raise InputError(*(f"{location(('reader',))}: reader: {problem}" for problem in error.problems)) from error
    if reader not in known:
        raise InputError(
            f"{location(('reader',))}: reader is {reader!r}. {nearest(str(reader), known)} Or a function "
            "of your own: `my/reader.py:read`."
        )
    own = known[reader].model_fields
    owners = {name: [other for other in known if name in known[other].model_fields] for name in set(values) - set(own)}
    problems = [
        f"{location((name,))}: {name!r} is a key of the reader {' or '.join(others)}, not of {reader}. Take it out, or "
        "correct `reader`."
        for name, others in sorted(owners.items())
        if others
    ]
    try:
        dataset = parse(
            known[reader], {name: value for name, value in values.items() if not owners.get(name)}, location
        )
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(*problems)
    return dataset

"""The configuration that Snakemake hands on, with the values of its files as people wrote them.

Snakemake reads these files by the rules of YAML 1.1, where `account: 012345` is 5349 (see `yaml_loading`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from segsweep.config.yaml_loading import load_yaml


def as_written(config: Mapping[str, Any], files: Iterable[Path | str]) -> dict[str, Any]:
    """A configuration in which each value that is still that of a file is read as YAML 1.2.

    Args:
        config: of Snakemake, with what `--config` said laid over it.
        files: that it was read from, in order.

    Raises:
        InputError: a file is no YAML by these rules.
    """
    found = dict(config)
    for file in map(Path, files):
        if file.suffix not in (".yaml", ".yml"):
            continue
        ours, _ = load_yaml(file)
        theirs = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)  # as Snakemake did, without an error
        found = _corrected(found, theirs, ours)
    return found


def _corrected(value: Any, theirs: Any, ours: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        return {key: _corrected(one, theirs.get(key), ours.get(key)) for key, one in value.items()}
    is_of_file = type(value) is type(theirs) and value == theirs
    return ours if is_of_file and not isinstance(value, Mapping) else value

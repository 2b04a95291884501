"""The folders of prepared pictures, named by the address of their content."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from segsweep.config.load import Loaded
from segsweep.io import write_if_changed
from segsweep.planning.code_fingerprint import reached, tree_of
from segsweep.planning.data_fingerprint import data_fingerprint


class Prepared:
    """The prepared pictures that a study's settings need."""

    def __init__(self, loaded: Loaded, results: Path):
        """Looks at the data set's files.

        Raises:
            InputError: the data set's folder does not exist.
        """
        self.dataset = loaded.dataset
        self.root = loaded.root
        self.parent = results / "data"
        self._files = data_fingerprint(self.dataset, self.root, self.parent / f".{self.dataset.name}.files.json")
        self._folders: dict[str, str] = {}

    @property
    def folders(self) -> list[str]:
        """All folders that were asked for."""
        return sorted(set(self._folders.values()))

    def folder_of(self, data: dict[str, Any]) -> str:
        """The folder that a setting's data section needs; the job that fills it reads the file beside it."""
        shape = {key: data[key] for key in ("image_size", "patches")}
        text = repr(shape)
        if text not in self._folders:
            dataset = self.dataset
            outcome = {
                name: value for name, value in dataset.model_dump(mode="json").items() if _outcome(dataset, name)
            }
            code = _code(dataset.reader, dataset.drawn_by)
            digest = hashlib.sha256("\n".join([text, json.dumps(outcome, sort_keys=True), self._files, code]).encode())
            folder = self.parent / f"{dataset.name}-{digest.hexdigest()[:12]}"
            description = {
                "dataset": dataset.model_dump(mode="json"),
                "root": str(self.root),
                "data": data,
                "fingerprint": digest.hexdigest()[:16],
            }
            write_if_changed(folder.with_name(folder.name + ".json"), json.dumps(description, indent=1))
            self._folders[text] = str(folder)
        return self._folders[text]


def _outcome(settings, name: str) -> bool:
    return type(settings).model_fields[name].json_schema_extra["outcome"]


@lru_cache
def _code(reader: str, drawn_by: str | None) -> str:
    """Fingerprint of the code that reads and prepares a data set."""
    named = {"segsweep.data.preparation", f"segsweep.data.readers.{reader}"}
    if drawn_by is not None:
        named.add(drawn_by)
    text = "\n".join(f"{name}:{tree_of(name)}" for name in sorted(reached(tuple(named))))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

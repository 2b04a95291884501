"""Addresses of data: of what a training sees, and of the folders in which images are prepared for it."""

from pathlib import Path
from typing import Any

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import RandomSplits
from segsweep.config.train import Patches
from segsweep.data.classes import class_table
from segsweep.hashing import short_hash
from segsweep.own_code.names import without_folder
from segsweep.planning.addresses import InForce, as_text, differences, revision_of_key
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.data_fingerprint import GROUPS, TRAINED_ON, data_fingerprint
from segsweep.planning.remembered import Remembered
from segsweep.planning.study_context import preparation_roots

# Keys of a setting's data section that preparation applies.
SHAPE = ("image_size", "patches")
FOLDED = (*TRAINED_ON, GROUPS)


class DataAddresses:
    """What the settings of a study see of its data set."""

    def __init__(
        self,
        dataset: Dataset,
        root: Path,
        parent: Path,
        code: Code,
        remembered: Remembered,
        seen: dict[str, dict[str, str]] | None = None,
    ):
        """
        Args:
            dataset: the data set.
            root: its folder.
            parent: folder of all prepared folders.
            code: for the code that reads and prepares it.
            remembered: hashes of its files.
            seen: what tracked folders held, see `data_fingerprint`.
        """
        self.dataset, self.root, self.parent = dataset, root, parent
        self.code, self.remembered = code, remembered
        self.seen = {} if seen is None else seen
        self.descriptions: dict[str, dict[str, Any]] = {}
        self._known: dict[str, tuple[str, str, str]] = {}
        # By identity, as cells share the section; it is kept, so that no other one takes its place in memory.
        self._of_section: dict[int, tuple[dict[str, Any], tuple[str, str, str]]] = {}
        self._found: dict[str, str] = {}
        self._content: tuple[str, str, str] | None = None

    def folder_of(self, data: dict[str, Any]) -> str:
        """The folder of prepared images that a data section needs; `descriptions` says what `prepare_data` fills in.

        Args:
            data: dump of the section.

        Raises:
            InputError: the data set is not there.
        """
        return self._of(data)[0]

    def address_of(self, data: dict[str, Any], in_folds: bool = False) -> str:
        """What a training under a data section depends on: contents, meaning of the values, size, code.

        Args:
            data: dump of the section.
            in_folds: whether it is trained on folds, which keep groups whole.

        Raises:
            InputError: the data set is not there.
        """
        return self._of(data)[2 if in_folds else 1]

    def _of(self, data: dict[str, Any]) -> tuple[str, str, str]:
        if id(data) not in self._of_section:
            self._of_section[id(data)] = data, self._found_of(data)
        return self._of_section[id(data)][1]

    def _found_of(self, data: dict[str, Any]) -> tuple[str, str, str]:
        shape = as_text({key: data[key] for key in SHAPE} | _revision(data["patches"]))
        if shape not in self._known:
            everything, *addresses = (short_hash((shape, content)) for content in self._contents())
            folder = str(self.parent / f"{self.dataset.name}-{everything[:12]}")
            self.descriptions[folder] = {
                "dataset": self.dataset.model_dump(mode="json"),
                "root": str(self.root),
                "data": data,
                "fingerprint": everything,
                "content": self._found,
            }
            self._known[shape] = (folder, *addresses)
        return self._known[shape]

    def _contents(self) -> tuple[str, str, str]:
        """Texts of all that preparation depends on, a training, and one on folds; but for the size of images."""
        if self._content is None:
            found = self._found = data_fingerprint(self.dataset, self.root, self.remembered, self.seen)
            code = self.code.fingerprint(preparation_roots(self.dataset))
            trained_on, in_folds = (
                {split: found[split] for split in splits if split in found} for splits in (TRAINED_ON, FOLDED)
            )
            meaning = meaning_of(self.dataset)
            grouped = meaning if self.dataset.group is None else meaning | {"group": self.dataset.group}
            self._content = tuple(
                short_hash((as_text(means), code, as_text(content)))
                for means, content in ((grouped, found), (meaning, trained_on), (grouped, in_folds))
            )
        return self._content


def meaning_of(dataset: Dataset) -> dict[str, Any]:
    """What of a data set's file changes what a training sees: its task, its classes by index, what is drawn."""
    found = differences(dataset, InForce(dataset.task, name_of=without_folder))
    classes = dataset.classes
    if isinstance(classes, dict) and dataset.task not in dataset.names_select:
        values = list(classes)
        found["classes"] = values
        if dataset.foreground is not None:
            found["foreground"] = next(value for value in values if classes[value] == dataset.foreground)
    elif isinstance(classes, dict):
        found["classes"] = [[value, name] for value, name in classes.items()]  # as JSON sorts an object's keys
    table = class_table(dataset)
    if table.palette is not None:
        found["palette"] = [table.palette.colors, sorted(table.palette.ranges), table.class_of_file]
    if isinstance(dataset.splits, RandomSplits):  # else what lies in which split is part of the content
        found["splits"] = differences(dataset.splits, InForce(dataset.task))
        found |= {} if dataset.group is None else {"group": dataset.group}  # else it changes nothing but folds
    return found | {"task": dataset.task}


def _revision(patches: dict[str, Any] | None) -> dict[str, int]:
    return revision_of_key(Patches, "overlap") if patches and patches["overlap"] else {}

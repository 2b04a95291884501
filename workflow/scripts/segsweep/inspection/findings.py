"""What there is to say of a data set: its prepared images and what was odd about them, or what is wrong with it."""

from dataclasses import dataclass, field
from pathlib import Path

from segsweep.config.dataset_keys import Dataset
from segsweep.config.train import Data
from segsweep.data.classes import class_names
from segsweep.data.preparation import prepare
from segsweep.data.prepared import MANIFEST, Prepared
from segsweep.data.prepared_checks import open_checked, write_prepared_sums
from segsweep.data.readers import read
from segsweep.errors import InputError
from segsweep.planning.code_fingerprint import Code, readings
from segsweep.planning.data_address import DataAddresses
from segsweep.planning.data_fingerprint import file_hashes, pull_missing
from segsweep.planning.planner import DEFINITIONS


@dataclass(frozen=True)
class Findings:
    """A data set as it was found.

    Attributes:
        dataset: its file.
        root: its folder.
        prepared: its images, as a study of whole images would see them; None where it cannot be used.
        problems: why it cannot be used.
        listed: images of each split by its lists, whether they can be read or not.
    """

    dataset: Dataset
    root: Path
    prepared: Prepared | None = None
    problems: list[str] = field(default_factory=list)
    listed: dict[str, int] = field(default_factory=dict)


def inspect(dataset: Dataset, root: Path, parent: Path, *, workers: int = 1) -> Findings:
    """Decode and check all files of a data set, unless that was done before.

    Args:
        dataset: its file.
        root: its folder.
        parent: folder of all prepared folders; a study of whole images finds in it what is prepared here.
        workers: threads that decode.
    """
    listed: dict[str, int] = {}
    try:
        pull_missing(dataset, root, {})
        hashes = file_hashes(dataset, parent)
        addresses = DataAddresses(dataset, root, parent, Code(readings(DEFINITIONS)), hashes)
        folder = Path(addresses.folder_of(Data().model_dump(mode="json")))
        hashes.save()
        listed = {split: len(items) for split, items in read(dataset, root).items()}
        if not (folder / MANIFEST).is_file():
            fingerprint = addresses.descriptions[str(folder)]["fingerprint"]
            prepare(dataset, root, None, folder, fingerprint, workers=workers)
            write_prepared_sums(folder)
        prepared = open_checked(folder, class_names(dataset))
    except InputError as error:
        return Findings(dataset, root, problems=error.problems, listed=listed)
    return Findings(dataset, root, prepared, listed=listed)

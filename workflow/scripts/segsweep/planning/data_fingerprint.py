"""What a data set's files hold: the contents of those that its splits use, in the order of the lists.

Nothing else in the folder counts: no file of no list, no folder's name, no time. Where DVC tracks the folder, its
content counts as it lies there, tracked or not; while the folder is absent, what was seen of the content that the .dvc
file names.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, TRAIN, VAL, TableSplits
from segsweep.config.train import weights_file
from segsweep.data.image_files import reading_revision
from segsweep.data.readers import files
from segsweep.data.split_tables import groups_of_table
from segsweep.disk_errors import naming, refusal_of_disk, refused_by_disk
from segsweep.errors import InputError
from segsweep.io import read_json_or_none, read_text
from segsweep.planning.remembered import Remembered

# Names of the images of each split, in order, with their files; of a file for many images what it says of the one.
Listing = dict[str, list[tuple[str, list[Path | str]]]]
# Splits that a training uses; what is only predicted or scored afterwards changes no address.
TRAINED_ON = (TRAIN, VAL, POOL)
GROUPS = "groups:"  # beside the splits, none of which can have this name: what a table says of their groups
MISSING = "missing"
# Keys of a data set that have no part in which files are read.
READ_NOTHING = {"title", "licence", "source", "classes", "group", "allow_duplicates", "display"}


def file_hashes(dataset: Dataset, folder: Path) -> Remembered:
    """What is remembered of the files of a data set, in a hidden file of the folder of all prepared data."""
    return Remembered(folder / f".{dataset.name}.files.json", "2", drop_unasked=True)


def tracking_file(dataset: Dataset | None, root: Path) -> Path | None:
    """The .dvc file of a data set that DVC tracks, else None."""
    if dataset is None or dataset.drawn_by is not None:
        return None
    path = root.with_name(root.name + ".dvc")
    return path if path.is_file() else None


def data_fingerprint(
    dataset: Dataset, root: Path, remembered: Remembered, seen: dict[str, dict[str, str]]
) -> dict[str, str]:
    """A hash of each split of a data set: of the names and contents of its images, masks and labels.

    Where a table says which group an image is of, that of the images of a training is a further one, `GROUPS`.

    Args:
        dataset: the data set.
        root: its folder.
        remembered: hashes of files.
        seen: what folders held that were as DVC tracked them; this one is added.

    Raises:
        InputError: the folder does not exist, and it was not seen before; or its lists cannot be read.
    """
    if dataset.drawn_by is not None:
        return dict.fromkeys((TRAIN, VAL), "drawn")
    tracked = tracking_file(dataset, root)
    name = _name(tracked, dataset) if tracked else ""
    if root.is_dir():
        listing = files(dataset, root)
        found = of_listing(listing, remembered) | _groups(dataset, root, listing)
        if (
            tracked
            and seen.get(name) != found
            and dvc_md5(root, lambda file: _content(file, remembered)[0]) == tracked_md5(tracked)
        ):
            seen[name] = found
        return found
    check_there(dataset, root, seen)
    return seen[name]


def check_there(dataset: Dataset, root: Path, seen: dict[str, dict[str, str]]) -> None:
    """Refuse a data set whose folder does not exist, unless it was seen before.

    Args:
        dataset, root, seen: as for `data_fingerprint`.

    Raises:
        InputError: saying where the data belongs.
    """
    if dataset.drawn_by is not None or root.is_dir():
        return
    tracked = tracking_file(dataset, root)
    if tracked is None:
        raise InputError(
            f"data set {dataset.name}: the folder {root} does not exist. Put the data there, "
            "name its parent folder with `--config data_root=FOLDER`, or choose another data set with "
            "`--config dataset=NAME`; data/README.md says where each public data set comes from."
        )
    if _name(tracked, dataset) not in seen:
        raise InputError(
            f"data set {dataset.name}: the folder {root} is not here, and what it held was never seen. "
            f"{tracked} tracks it: run `dvc pull {tracked}`, or start without --dry-run, which does so."
        )


def read_seen(file: Path) -> dict[str, dict[str, str]]:
    """What tracked folders held, from the file of a study; empty where it cannot be read."""
    try:
        return {name: dict(splits) for name, splits in read_json_or_none(file).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def pull_missing(dataset: Dataset | None, root: Path, seen: dict[str, dict[str, str]]) -> None:
    """Have DVC bring the folder of a data set that can be addressed in no other way.

    Raises:
        InputError: DVC could not.
    """
    tracked = tracking_file(dataset, root)
    if tracked is None or root.is_dir() or _name(tracked, dataset) in seen:
        return
    dvc_pull(tracked, f"data set {dataset.name}")


def dvc_pull(tracked: Path, what: str) -> None:
    """Have DVC bring what a .dvc file tracks; `what` begins the message if it cannot.

    Raises:
        InputError: DVC could not.
    """
    command = [sys.executable, "-m", "dvc", "--cd", str(tracked.parent), "pull", "--quiet", tracked.name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise InputError(
            f"{what}: `dvc pull {tracked}` failed. Correct what it says, and start again.",
            *done.stdout.strip().splitlines(),
        )


def of_listing(listing: Listing, remembered: Remembered) -> dict[str, str]:
    """A hash of each split of a listing. A file that is not there counts as missing: preparation says which."""
    return {
        split: _digest([name, *_contents(paths, remembered)] for name, paths in items)
        for split, items in listing.items()
    }


def _contents(paths: list[Path | str], remembered: Remembered) -> list[str]:
    """Hashes of the files of an item, image first; and how it is read, if the first reading lost something of it."""
    found = [_content(path, remembered) for path in paths]
    image = found[0] if found else [MISSING, 1]
    return [md5 for md5, _ in found] + [f"revision {image[1]}"] * (image[1] > 1)


def weights_fingerprint(weights: str | None, remembered: Remembered) -> str:
    """Hash of the file that `encoder_weights` names; empty where they name none.

    Raises:
        InputError: there is no such file.
    """
    file = weights_file(weights)
    if file is None:
        return ""
    if not file.is_file():
        raise InputError(f"model.encoder_weights: there is no file {file}. Give a path, a name (imagenet) or null.")
    return remembered.of(file, md5)


def md5(path: Path) -> str:
    """MD5 of a file, as DVC has it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def dvc_md5(root: Path, md5_of: Callable[[Path], str]) -> str:
    """What DVC writes into a folder's .dvc file: MD5 of a list of all of its files and their MD5, from `md5_of`."""
    paths = sorted(
        Path(folder, name).relative_to(root).as_posix() for folder, _, names in os.walk(root) for name in names
    )
    entries = [{"md5": md5_of(root / path), "relpath": path} for path in paths]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def tracked_md5(tracked: Path) -> str:
    """The content that a .dvc file names.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return yaml.safe_load(read_text(tracked, "Restore it with git."))["outs"][0]["md5"]
    except (yaml.YAMLError, LookupError, TypeError) as error:
        raise InputError(f"{tracked}: names no content ({error!r}). Restore it with git, or run `dvc add`.") from error


def _groups(dataset: Dataset, root: Path, listing: Listing) -> dict[str, str]:
    """What a table says of the groups of the images of a training; a pattern's groups follow from the names."""
    groups = groups_of_table(dataset.splits, root) if isinstance(dataset.splits, TableSplits) else {}
    names = [name for split in TRAINED_ON for name, _ in listing.get(split, ())]
    return {GROUPS: _digest([name, groups[name]] for name in names if name in groups)} if groups else {}


def _name(tracked: Path, dataset: Dataset) -> str:
    """What stands for a tracked content, and what is read of it. A key at its default, as a new one, adds nothing."""
    read = dataset.model_dump(mode="json", exclude=READ_NOTHING, exclude_defaults=True)
    return f"{tracked_md5(tracked)} {hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:12]}"


def _content(part: Path | str, remembered: Remembered) -> tuple[str, int]:
    """The hash of a part of an item, and the revision of its reading, of an image.

    Raises:
        InputError: the disk does not give it; taken for absent, its trainings would be others.
    """
    if isinstance(part, str):
        return hashlib.md5(part.encode(), usedforsecurity=False).hexdigest(), 1
    for content_of in (_of_file, _of_folder):  # files first, which most are: one look at each
        try:
            return content_of(part, remembered)
        except OSError as error:
            if refused_by_disk(error):
                raise InputError(refusal_of_disk(error)) from error
    return MISSING, 1


def _of_file(file: Path, remembered: Remembered) -> tuple[str, int]:
    return tuple(remembered.of(file, _read_and_hash))


def _read_and_hash(path: Path) -> tuple[str, int]:
    with naming(path):
        return md5(path), reading_revision(path)


def _of_folder(folder: Path, remembered: Remembered) -> tuple[str, int]:
    """Of the names and contents of its files, as of a DICOM series."""
    found = [[path.name, _content(path, remembered)[0]] for path in sorted(folder.iterdir()) if path.is_file()]
    return hashlib.md5(json.dumps(found).encode(), usedforsecurity=False).hexdigest(), 1


def _digest(lines: Iterable[list[str]]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(json.dumps(line).encode() + b"\n")
    return digest.hexdigest()[:32]

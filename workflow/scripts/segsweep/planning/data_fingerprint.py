"""Fingerprints of files: DVC's hash where a data set is tracked, else hashes remembered by size and time."""

import hashlib
import json
import os
from pathlib import Path

import yaml

from segsweep.config.dataset import Dataset
from segsweep.config.train import weights_file
from segsweep.errors import InputError
from segsweep.io import write_if_changed

# What lies beside the data and is not data.
NOT_DATA = {".md", ".dvc", ".gitignore"}


def tracking_file(dataset: Dataset | None, root: Path) -> Path | None:
    """The .dvc file of a data set that DVC tracks, else None."""
    if dataset is None or dataset.drawn_by is not None:
        return None
    path = root.with_name(root.name + ".dvc")
    return path if path.is_file() else None


def data_fingerprint(dataset: Dataset, root: Path, memory: Path) -> str:
    """Hash of everything that the reader of a data set may read.

    Args:
        dataset: the data set.
        root: its folder.
        memory: a JSON file in which hashes of files are remembered; made when missing.

    Raises:
        InputError: the folder does not exist.
    """
    if dataset.drawn_by is not None:
        return "drawn"
    if tracked := tracking_file(dataset, root):
        return yaml.safe_load(tracked.read_text(encoding="utf-8"))["outs"][0]["md5"]
    if not root.is_dir():
        raise InputError(
            f"data set {dataset.name}: the folder {root} does not exist. Put the data there, "
            "name its parent folder with `--config data_root=FOLDER`, or choose another data set with "
            "`--config dataset=NAME`; data/README.md says where each public data set comes from."
        )
    return _hash_files(root, memory)


def weights_fingerprint(weights: str | None, memory: Path) -> str:
    """Hash of the file that `encoder_weights` names; empty where they name none.

    Args:
        weights: the setting.
        memory: as for `data_fingerprint`; it keeps the hashes of other files.

    Raises:
        InputError: there is no such file.
    """
    file = weights_file(weights)
    if file is None:
        return ""
    if not file.is_file():
        raise InputError(f"model.encoder_weights: there is no file {file}. Give a path, a name (imagenet) or null.")
    known = _remembered(memory)
    found = _hashes([(weights, file.stat())], Path(), known)
    write_if_changed(memory, json.dumps(known | found))
    return found[weights][1]


def _hash_files(root: Path, memory: Path) -> str:
    found = _hashes(sorted(_files(root)), root, _remembered(memory))
    write_if_changed(memory, json.dumps(found))
    listing = "\n".join(f"{path} {digest}" for path, (_, digest) in found.items())
    return hashlib.sha256(listing.encode()).hexdigest()[:32]


def _remembered(memory: Path) -> dict[str, list[str]]:
    try:
        return json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # only a memory: everything is hashed again
        return {}


def _hashes(files, root: Path, remembered: dict[str, list[str]]) -> dict[str, list[str]]:
    """[size and time of change, hash] of each (path, stat); a file is read only if they are not those remembered."""
    found = {}
    for path, stat in files:
        state = f"{stat.st_size}:{stat.st_mtime_ns}"
        known = remembered.get(path)
        found[path] = known if known and known[0] == state else [state, _hash(root / path)]
    return found


def _files(root: Path):
    """(path relative to the root, stat) of each data file."""
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            path = Path(folder, name)
            if path.suffix not in NOT_DATA and name not in NOT_DATA:
                yield path.relative_to(root).as_posix(), path.stat()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]

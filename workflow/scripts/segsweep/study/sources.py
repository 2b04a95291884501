"""The fingerprint of a data set's files: DVC's hash where it is tracked, else hashes remembered by size and time."""

import hashlib
import json
import os
from pathlib import Path

import yaml

from .settings import Dataset, InputError
from .texts import write_if_changed

# What lies beside the data and is not data.
NOT_DATA = {".md", ".dvc", ".gitignore"}


def tracking_file(dataset: Dataset | None, root: Path) -> Path | None:
    """The .dvc file of a data set that DVC tracks, else None."""
    if dataset is None or dataset.demo is not None:
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
    if dataset.demo is not None:
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


def _hash_files(root: Path, memory: Path) -> str:
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # only a memory: everything is hashed again
        remembered = {}
    current = {}
    for path, stat in sorted(_files(root)):
        state = f"{stat.st_size}:{stat.st_mtime_ns}"
        known = remembered.get(path)
        current[path] = known if known and known[0] == state else [state, _hash(root / path)]
    if current != remembered:
        write_if_changed(memory, json.dumps(current))
    listing = "\n".join(f"{path} {digest}" for path, (_, digest) in current.items())
    return hashlib.sha256(listing.encode()).hexdigest()[:32]


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

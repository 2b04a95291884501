"""Where the shared store is: a DVC remote, found by DVC's configuration, reached by DVC's file systems.

What `dvc push` and `dvc pull` call to move files moves them here too, so everything that DVC can reach (a folder, S3,
SSH, ...) can hold the store, with the same settings and keys.
"""

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from segsweep.disk_errors import naming
from segsweep.errors import InputError

# There a file is whole or absent, and renaming means copying.
OBJECT_STORES = {"s3", "gs", "azure", "oss"}
# Files on their way lie here; what is older than this was left behind by a push that was killed.
INCOMING = "incoming"
ABANDONED = timedelta(days=2)


@dataclass
class Remote:
    """A folder of a DVC remote.

    Attributes:
        fs: DVC's file system (dvc_objects.fs.base.FileSystem).
        root: path of the folder on it.
        name: what a person calls it.
        configured: its name in DVC's configuration.
    """

    fs: Any
    root: str
    name: str
    configured: str = ""
    _folders: set[str] = field(default_factory=set)

    def exists(self) -> bool:
        """Whether anything was ever sent there."""
        with self._reached("looked at"):
            return self.fs.exists(self.root)

    def sizes(self, folder: str) -> dict[str, int]:
        """Names of the files right in a folder, and their sizes in bytes."""
        with self._reached("listed"):
            try:
                entries = self.fs.ls(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
            return {entry["name"].rpartition("/")[2]: entry["size"] for entry in entries if entry["type"] == "file"}

    def read(self, name: str) -> bytes | None:
        """Content of a small file; None if there is none."""
        with self._reached("read"):
            try:
                with self.fs.open(self._path(name), "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def send(self, files: dict[str, Path]) -> None:
        """Put files there under their names. A name never stands for half of a file, whatever happens on the way.

        Raises:
            InputError: the remote cannot be reached or written. What was sent before stays.
        """
        from dvc_objects.fs import localfs
        from dvc_objects.fs.generic import copy

        if not files:
            return
        with self._reached("written"):
            sources = [str(path) for path in files.values()]
            targets = [self._path(name) for name in files]
            if self.fs.protocol in OBJECT_STORES:
                copy(localfs, sources, self.fs, targets)
                return
            self._prepare()
            incoming = self._path(f"{INCOMING}/{datetime.now(UTC):%Y%m%d}-{uuid.uuid4().hex}")
            halfway = [self.fs.join(incoming, str(number)) for number in range(len(files))]
            try:
                self.fs.makedirs(incoming, exist_ok=True)
                copy(localfs, sources, self.fs, halfway)
                for source, target in zip(halfway, targets, strict=True):
                    self._rename(source, target)
            finally:
                with suppress(Exception):  # it is swept by a later push
                    self.fs.remove(incoming, recursive=True)

    def fetch(self, files: dict[str, Path]) -> None:
        """Bring files here: name there, path here. Each is whole or absent.

        Raises:
            InputError: the remote cannot be reached, or a file is not there.
            OSError: the disk here is full.
        """
        from dvc_objects.fs import localfs
        from dvc_objects.fs.generic import copy

        if files:
            paths = [str(path) for path in files.values()]
            with naming(Path(paths[0]).parent), self._reached("read"):
                copy(self.fs, [self._path(name) for name in files], localfs, paths)

    def set_aside(self, name: str, folder: str) -> bool:
        """Move a file to another folder of the remote, for a person to look at; whether that was possible."""
        try:
            self._rename(self._path(name), self._path(f"{folder}/{name.rpartition('/')[2]}"))
        except Exception:  # a remote that may only be read
            return False
        return True

    def sweep(self) -> None:
        """Remove what pushes that were killed have left behind."""
        oldest = f"{datetime.now(UTC) - ABANDONED:%Y%m%d}"
        with suppress(Exception):  # nothing depends on it
            for entry in self.fs.ls(self._path(INCOMING), detail=False):
                if entry.rstrip("/").rpartition("/")[2] < oldest:
                    self.fs.remove(entry, recursive=True)

    def _path(self, name: str) -> str:
        return self.fs.join(self.root, *name.split("/"))

    def _prepare(self) -> None:
        """A new folder on a disk is made only in a folder that is there: else the disk is probably not mounted."""
        if self.fs.protocol != "local" or self.fs.exists(self.root):
            return
        if not self.fs.isdir(self.fs.parent(self.root)):
            raise InputError(
                f"{self.name}: the folder {self.fs.parent(self.root)} that should hold it does not exist. Mount or "
                "make it, or name another folder with `dvc remote modify`; nothing was sent."
            )

    def _rename(self, source: str, target: str) -> None:
        parent = self.fs.parent(target)
        if parent not in self._folders:
            self.fs.makedirs(parent, exist_ok=True)
            self._folders.add(parent)
        try:
            self.fs.mv(source, target)
        except Exception:
            if not (self.fs.exists(source) and self.fs.exists(target)):
                raise
            # Some file systems do not rename onto an existing file. It has the same content, or is an older table.
            self.fs.rm_file(target)
            self.fs.mv(source, target)

    @contextmanager
    def _reached(self, done: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # each kind of remote has its own errors
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                if done != "written":  # it is this machine's disk that is full
                    raise
                raise InputError(
                    f"{self.name} is full ({error.strerror}). What was sent before is whole and stays, and nothing "
                    "was lost here. Make room there, or name another remote, and push again: it continues from there."
                ) from error
            raise InputError(
                f"{self.name} could not be {done}: {type(error).__name__}: {error}. Nothing was lost. Check the "
                "address (`dvc remote list`), the connection and your rights, and do it again: it continues from there."
            ) from error


def open_remote(project: Path = Path(), name: str | None = None) -> Remote:
    """The remote that `dvc remote default` names, or the one of a name.

    Raises:
        InputError: DVC's configuration names no such remote, or it cannot be used.
    """
    from dvc.config import Config
    from dvc.exceptions import DvcException
    from dvc.fs import get_cloud_fs

    where = f"{project / '.dvc' / 'config'}"
    try:
        config = Config(dvc_dir=str(project / ".dvc"))
        name = name or config.get("core", {}).get("remote")
        if name is None:
            known = ", ".join(config.get("remote", {})) or "none"
            raise InputError(
                f"{where}: no default remote (known: {known}). Name one: `dvc remote add --default store FOLDER`."
            )
        cls, settings, path = get_cloud_fs(config, name=name)
        said = f"the shared store ({name}, {cls.protocol}: {path})"
        return Remote(cls(**settings), path.rstrip("/") or path, said, name)
    except InputError:
        raise
    except Exception as error:  # DVC's own, and those of the file system's package
        hint = "" if isinstance(error, DvcException) else f" ({type(error).__name__})"
        raise InputError(
            f"{where}: the remote {name!r} cannot be used: {error}{hint}. `dvc remote list` shows the remotes; some "
            "need an extra of DVC, like `pip install 'dvc[s3]'`."
        ) from error

"""Files that are read whole and written whole: the one writer and the checked readers of the package.

A file is written under a temporary name and renamed: whatever kills the process, a reader finds the old or the new one.
That a power cut does not spoil it either needs a flush to the disk, which may take longer than a short epoch; it can
be left out where `flush_folder` follows.
"""

import csv
import errno
import io
import json
import os
import re
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from segsweep.disk_errors import naming
from segsweep.errors import InputError

TEMPORARY = ".{name}.{process}.tmp"
PROCESS = re.compile(r"\.(\d{1,9})\.tmp$")  # in the name of a temporary file


def regular(path: Path | str) -> Path:
    """A path where a file lies, or nothing: each reader of a file asks for it so, as whoever opens a FIFO waits.

    Raises:
        OSError: a FIFO, a socket, a device or a link to nothing lies there, or the system does not say what. What a
            folder is, opening it says.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise OSError(errno.ENXIO, "A link to nothing lies there", str(path)) from None
        return path
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.ENXIO, "A pipe, socket or device lies there", str(path))
    return path


def read_text(path: Path | str, remedy: str = "Check the path.") -> str:
    """A text file's content, UTF-8.

    Raises:
        InputError: it cannot be read, or is no text; `remedy` says what a person can do.
    """
    try:
        return regular(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {remedy}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def read_json(
    path: Path | str, remedy: str = "Check the path.", if_damaged: str = "Delete it; it is made again."
) -> Any:
    """A JSON file's content.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path, remedy))
    except (ValueError, RecursionError) as error:  # of numbers of a thousand digits, of a thousand brackets
        raise InputError(f"{path}: is no JSON ({error}). {if_damaged}") from error


def read_xml(path: Path | str, remedy: str) -> ElementTree.Element:
    """The root element of an XML file.

    Raises:
        InputError: it cannot be read, or is no XML.
    """
    try:
        return ElementTree.parse(regular(path)).getroot()
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as error:  # the latter of unknown encodings
        raise InputError(f"{path}: not valid XML ({error}). {remedy}") from error


def read_json_or_none(path: Path | str) -> Any:
    """A JSON file's content; None where it is absent or damaged. For what is made again without loss."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def read_csv(path: Path | str, remedy: str = "Check the path.") -> list[dict[str, str]]:
    """The rows of a CSV file with a header, as texts by column.

    Raises:
        InputError: it cannot be read, is no text, or a row has more or fewer fields than the header.
    """
    rows = list(csv.DictReader(io.StringIO(read_text(path, remedy), newline="")))
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{path}: row {number} has not as many fields as the header. {remedy}")
    return rows


def write_text(path: Path, text: str, *, flush: bool = False) -> None:
    """Write a text, UTF-8."""
    write_bytes(path, lambda file: file.write(text.encode()), flush=flush)


def write_json(path: Path, content: Any, *, indent: int | None = 1, flush: bool = False) -> None:
    """Write JSON, indented unless told otherwise."""
    write_text(path, json.dumps(content, indent=indent) + "\n", flush=flush)


def write_json_lists(path: Path, lists: Mapping[str, Iterable[Any]]) -> None:
    """Write a JSON object of lists, item by item: they need not fit into the memory."""

    def write(file: IO[bytes]) -> None:
        for number, (key, items) in enumerate(lists.items()):
            file.write(f"{', ' if number else '{'}{json.dumps(key)}: [".encode())
            for count, item in enumerate(items):
                file.write(f"{', ' if count else ''}{json.dumps(item)}".encode())
            file.write(b"]")
        file.write(b"}\n")

    write_bytes(path, write)


def write_csv_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows, one by one: they need not fit into the memory."""

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        text.detach()

    write_bytes(path, write)


def write_csv(
    path: Path, rows: Iterable[Mapping[str, Any]], columns: Iterable[str] = (), *, flush: bool = False
) -> None:
    """Write rows with a header; None and missing values are empty fields.

    Args:
        path: the file.
        rows: values by column.
        columns: the first columns; those that only rows have follow in the order in which they first occur.
        flush: see the module.
    """
    rows = list(rows)
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue(), flush=flush)


def write_bytes(path: Path, write: Callable[[IO[bytes]], Any], *, flush: bool = False) -> None:
    """Write what a function writes into an open file. The folder is made where it lacks.

    Args:
        path: the file.
        write: called with the open file; what it raises leaves the former file as it was.
        flush: return only when the content and its name are on the disk.
    """
    temporary = path.with_name(TEMPORARY.format(name=path.name, process=os.getpid()))
    try:
        file = temporary.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("wb")
    try:
        with naming(path), file:
            write(file)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flush:
        flush_path(path.parent)


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text only where the file's content is another one: its time means something to Snakemake.

    Returns:
        Whether it was written.
    """
    try:
        if regular(path).read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    write_text(path, text)
    return True


def remove_temporaries(folder: Path, name: str = "*") -> None:
    """Remove what writers that were killed have left behind in a folder, of files of some names (a glob pattern)."""
    for path in folder.glob(TEMPORARY.format(name=name, process="*")):
        path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush all files and folders in a folder, and the folder itself, to the disk: no links, pipes or sockets."""
    for path in [*folder.rglob("*"), folder]:
        if not path.is_symlink() and (path.is_file() or path.is_dir()):
            flush_path(path)


def flush_path(path: Path) -> None:
    """Flush a file, or what a folder says of the names in it, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot do it for folders
        if not path.is_dir():
            raise
    finally:
        os.close(handle)

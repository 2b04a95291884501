"""Shards: Parquet files whose rows are images and masks, each an encoded file in a cell."""

from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path, PurePath
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError

if TYPE_CHECKING:  # planning does without pyarrow until it reads a shard
    import pyarrow
    from pyarrow import parquet

LFS_POINTER = b"version https://git-lfs.github.com"
PATH = ".path"  # part of a column of files; as a name it has no ending
GROUPS_KEPT = 2  # in memory: threads that decode ahead reach into the next one


class Columns(NamedTuple):
    """Columns of images and masks, and of names, if one is named; `image.path` is a part of the column `image`."""

    image: str
    mask: str
    names: str | None


class Row(NamedTuple):
    """A row of a shard, numbered from 0, and whether the shard has any masks."""

    shard: Path
    number: int
    labeled: bool

    @property
    def location(self) -> str:
        """For problems."""
        return f"{self.shard}: row {self.number}"


def rows_of(shard: Path, columns: Columns, problems: list[str]) -> list[tuple[str, Row]]:
    """The rows with their names; of a shard that cannot be used none, and what is wrong with it."""
    import pyarrow
    from pyarrow import parquet

    try:
        with shard.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                problems.append(f"{shard}: a pointer of Git LFS, not the file that it stands for. Run `git lfs pull`.")
                return []
        with parquet.ParquetFile(shard) as file:
            if wrong := _wrong_columns(columns, file.schema_arrow):
                problems += [f"{shard}: {one}" for one in wrong]
                return []
            labeled = _has_values(file, columns.mask)
            rows = [Row(shard, number, labeled) for number in range(file.metadata.num_rows)]
            if columns.names is None:
                return [(f"{shard.stem}_{row.number:05d}", row) for row in rows]
            names = file.read(columns=[columns.names]).flatten().column(0).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        problems.append(f"{shard}: cannot be read as Parquet ({error}). Fetch it again.")
        return []
    if nameless := [row for row, name in enumerate(names) if name is None or not str(name).strip("./ ")]:
        lacks = f"no name in the column {columns.names!r}. Add it, or leave out `names`."
        problems += [f"{shard}: row {row} has {lacks}" for row in nameless]
        return []
    names = [str(name) for name in names]
    if columns.names.endswith(PATH):
        names = [PurePath(name).with_suffix("").as_posix() for name in names]
    return list(zip(names, rows, strict=True))


def _wrong_columns(columns: Columns, schema: "pyarrow.Schema") -> list[str]:
    """What is wrong with the columns of a shard: one that is missing, or of another type."""
    from pyarrow import types

    problems = []
    for role, column in columns._asdict().items():
        if column is None:
            continue
        name, _, part = column.partition(".")
        kind = schema.field(name).type if name in schema.names else None
        if kind is not None and part:
            kind = kind.field(part).type if types.is_struct(kind) and kind.get_field_index(part) >= 0 else None
        if kind is None:
            known = nearest(column, schema.names).replace("Allowed", "Columns")
            problems.append(f"no column {column!r}, which `{role}` names. {known}")
        elif role != "names" and not _holds_files(kind):
            problems.append(
                f"the column {column!r}, which `{role}` names, is of the type {kind}; encoded files are binary or "
                "struct<bytes: binary, path: string>. Name another column, or write it with datasets.Image()."
            )
    return problems


def _has_values(file: "parquet.ParquetFile", column: str) -> bool:
    """Whether any cell of a column holds something, by what the file says of its parts: no cell is read."""
    of_groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    parts = [group.column(number) for group in of_groups for number in range(group.num_columns)]
    mine = [part for part in parts if part.path_in_schema in (column, f"{column}.bytes")]
    return any(
        part.statistics is None or not part.statistics.has_null_count or part.statistics.null_count < part.num_values
        for part in mine
    )


def _holds_files(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_files(kind.field("bytes").type)
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)


def cells(columns: Columns) -> Callable[[Row, str], bytes]:
    """A function that gives the encoded file in a cell, of row and column.

    Rows are asked for nearly in their order, so that each row group is read once, and only a few lie in memory.
    """
    from pyarrow import parquet

    lock = Lock()

    @cache
    def starts(shard: Path) -> list[int]:
        with parquet.ParquetFile(shard) as file:
            sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        return [0, *accumulate(sizes)]

    @lru_cache(maxsize=GROUPS_KEPT)
    def row_group(shard: Path, number: int) -> "pyarrow.Table":
        with parquet.ParquetFile(shard) as file:
            return file.read_row_group(number, columns=[columns.image, columns.mask], use_threads=False)

    def cell(row: Row, column: str) -> bytes:
        first = starts(row.shard)
        number = bisect_right(first, row.number) - 1
        with lock:
            value = row_group(row.shard, number).column(column)[row.number - first[number]].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            path = (value or {}).get("path") if isinstance(value, dict) else None
            found = f"no bytes, only the path {path!r}" if path else "nothing"
            raise InputError(
                f"{row.location} holds {found} in the column {column!r}. Write the data set again with the files "
                "embedded (`push_to_hub` does), or take the row out."
            )
        return content

    return cell

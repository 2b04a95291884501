"""Parquet files of images and masks, as the Hugging Face Hub has them: data/train-00000-of-00002.parquet.

A row is an image. Its columns hold encoded files (PNG, JPEG, TIFF, ...), as bytes or as `{bytes, path}`.
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import cache, lru_cache, partial
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits, check_patterns, folder_of
from segsweep.config.yaml_documents import nearest
from segsweep.data.classes import class_table
from segsweep.data.found_names import unknown_names
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow

LFS_POINTER = b"version https://git-lfs.github.com"
GROUPS_KEPT = 2  # in memory: threads that decode ahead reach into the next one

Row = tuple[str, Path, int]  # its name, its shard and its number there, from 0


class ParquetDataset(MaskDataset):
    """Images and masks in the columns of Parquet files."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")

    reader: Literal["parquet"] = key("parquet", "Format of the files.")
    splits: Splits = key(
        FolderSplits(folders={"train": "train", "val": "validation"}),
        "What is filled in for {split} in `shards`; or lists of names, a table, or drawn.",
        outcome=False,
    )
    shards: str = key(
        "data/{split}-*.parquet",
        "Pattern of the files, which are read in the order of their names; {split} is filled in, `*` is any text.",
        outcome=False,
    )
    image: str = key("image", "Column of the images.")
    mask: str = key("mask", "Column of the masks.")
    names: str | None = key(
        None,
        "Column of the names, `image.path` for a part of one; without it a name is that of the shard and the row.",
        outcome=False,
    )

    @model_validator(mode="after")
    def _splits_fit(self):
        check_patterns(self.splits, self.shards)
        return self


def read(dataset: ParquetDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the rows. Images and masks are read as they are decoded.

    Raises:
        InputError: as `files`.
    """
    from segsweep.data.image_files import read_image
    from segsweep.data.mask_files import read_mask

    cell = _cells([dataset.image, dataset.mask])
    palette = class_table(dataset).palette

    def image(shard: Path, row: int) -> "np.ndarray":
        return read_image(BytesIO(cell(shard, row, dataset.image)))

    def mask(shard: Path, row: int, height: int, width: int) -> "np.ndarray":
        return read_mask(BytesIO(cell(shard, row, dataset.mask)), palette, f"{shard}: row {row}")

    return {
        split: [
            Item(name, partial(image, shard, row), partial(mask, shard, row), location=f"{shard}: row {row}")
            for name, shard, row in rows
        ]
        for split, rows in _rows(dataset, root).items()
    }


def files(dataset: ParquetDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Shard and row of each name: what a shard holds counts as a whole.

    Raises:
        InputError: with one problem for each split without shards, and each shard that lacks a column or is damaged.
    """
    return {
        split: [(name, [shard, f"row {row}"]) for name, shard, row in rows]
        for split, rows in _rows(dataset, root).items()
    }


def _rows(dataset: ParquetDataset, root: Path) -> dict[str, list[Row]]:
    """Name, shard and number of the rows of each split."""
    rows = cache(partial(_rows_of_folder, dataset, root))

    def every(folder: str) -> list[tuple[str, str]]:
        return [(name, f"{shard}: row {row}") for name, shard, row in rows(folder)]

    found, problems = {}, []
    for split, names in names_by_split(dataset, root, every=every).items():
        folder = folder_of(dataset.splits, split)
        by_name = {row[0]: row for row in rows(folder)}
        found[split] = [by_name[name] for name, _ in names if name in by_name]
        problems += unknown_names(names, by_name, root / _pattern(dataset, folder))
    if problems:
        raise InputError(*problems)
    return found


def _pattern(dataset: ParquetDataset, folder: str) -> str:
    return dataset.shards.replace("{split}", folder)


def _rows_of_folder(dataset: ParquetDataset, root: Path, folder: str) -> list[Row]:
    """The rows of all shards that a folder stands for in the pattern."""
    pattern = _pattern(dataset, folder)
    shards = sorted(path for path in root.glob(pattern) if path.is_file())
    if not shards:
        there = sorted(path.relative_to(root).as_posix() for path in root.glob("**/*.parquet"))
        raise InputError(
            f"{root / pattern}: there is no such file. Put the data there, or correct `shards` or `splits`; Parquet "
            f"files in {root}: {', '.join(there[:10]) or 'none'}."
        )
    problems: list[str] = []
    found = [row for shard in shards for row in _rows_of_shard(dataset, shard, problems)]
    if problems:
        raise InputError(*problems)
    return found


def _rows_of_shard(dataset: ParquetDataset, shard: Path, problems: list[str]) -> list[Row]:
    """Name, shard and number of each row; of a shard that cannot be used none, and what is wrong with it."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(shard) as file:
            rows, schema = file.metadata.num_rows, file.schema_arrow
            if wrong := _wrong_columns(dataset, schema):
                problems += [f"{shard}: {one}" for one in wrong]
                return []
            if dataset.names is None:
                return [(f"{shard.stem}_{row:05d}", shard, row) for row in range(rows)]
            names = file.read(columns=[dataset.names]).flatten().column(0).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        with shard.open("rb") as file:
            pointer = file.read(len(LFS_POINTER)) == LFS_POINTER
        remedy = "it is a pointer of Git LFS: run `git lfs pull`" if pointer else "fetch it again"
        problems.append(f"{shard}: cannot be read as Parquet ({error}); {remedy}.")
        return []
    problems += [
        f"{shard}: row {row} has no name in the column {dataset.names!r}. Add it, or leave out `names`."
        for row, name in enumerate(names)
        if name in (None, "")
    ]
    return [(str(name), shard, row) for row, name in enumerate(names)]


def _wrong_columns(dataset: ParquetDataset, schema: "pyarrow.Schema") -> list[str]:
    """What of the columns that the data set names a shard lacks, or has as something else."""
    from pyarrow import types

    problems = []
    for role, column in (("image", dataset.image), ("mask", dataset.mask), ("names", dataset.names)):
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


def _holds_files(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_files(kind.field("bytes").type)
    return types.is_binary(kind) or types.is_large_binary(kind)


def _cells(columns: list[str]) -> Callable[[Path, int, str], bytes]:
    """A function that gives the encoded file in a cell, of shard, row and column.

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
            return file.read_row_group(number, columns=columns, use_threads=False)

    def cell(shard: Path, row: int, column: str) -> bytes:
        with lock:
            number = bisect_right(starts(shard), row) - 1
            value = row_group(shard, number).column(column)[row - starts(shard)[number]].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            path = (value or {}).get("path") if isinstance(value, dict) else None
            found = f"no bytes, only the path {path!r}" if path else "nothing"
            raise InputError(
                f"{shard}: row {row} holds {found} in the column {column!r}. Write the data set again with the files "
                "embedded (`push_to_hub` does), or take the row out."
            )
        return content

    return cell

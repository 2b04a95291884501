"""Parquet files of images and masks, as the Hugging Face Hub has them: data/train-00000-of-00002.parquet.

A row is an image. Its columns hold encoded files (PNG, JPEG, TIFF, ...), as bytes or as `{bytes, path}`.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits, check_patterns, folder_of
from segsweep.data.found_names import no_such_image
from segsweep.data.name_lists import names_by_split
from segsweep.data.parquet_shards import Columns, Row, cells, rows_of
from segsweep.data.raw_item import Item
from segsweep.errors import InputError


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
        "Column of the names; `image.path`: the paths of the images, without endings. If not set, shard and row.",
        outcome=False,
    )

    @property
    def columns(self) -> Columns:
        """The columns that are read."""
        return Columns(self.image, self.mask, self.names)

    @model_validator(mode="after")
    def _splits_fit(self):
        check_patterns(self.splits, self.shards)
        return self


def read(dataset: ParquetDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the rows. Images and masks are read as they are decoded.

    Raises:
        InputError: as `files`.
    """
    cell = cells(dataset.columns)
    return {
        split: [_item(dataset, name, row, cell) for name, row in members]
        for split, members in _rows(dataset, root).items()
    }


def _item(dataset: ParquetDataset, name: str, row: Row | Callable, cell: Callable[[Row, str], bytes]) -> Item:
    if callable(row):
        return Item(name, row, row)  # as it raises, nothing asks for the mask
    mask = partial(_whatever_its_size, cell, row, dataset.mask) if row.labeled else None
    return Item(name, partial(cell, row, dataset.image), mask, location=row.location)


def _whatever_its_size(cell: Callable[[Row, str], bytes], row: Row, column: str, height: int, width: int) -> bytes:
    return cell(row, column)


def files(dataset: ParquetDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Shard and row of each name: what a shard holds counts as a whole.

    Raises:
        InputError: with one problem for each split without shards, and each shard that lacks a column or is damaged.
    """
    return {split: [(name, _files(row)) for name, row in members] for split, members in _rows(dataset, root).items()}


def _files(row: Row | Callable) -> list[Path | str]:
    if callable(row):
        return ["missing"]
    return [row.shard, f"row {row.number}"] if row.labeled else [row.shard]


def _rows(dataset: ParquetDataset, root: Path) -> dict[str, list[tuple[str, Row | Callable]]]:
    """Names of each split with their rows; where the shards have no such row, what says so when it is called."""
    rows = cache(partial(_rows_of_folder, dataset, root))

    def every(folder: str) -> list[tuple[str, str]]:
        return [(name, row.location) for name, row in rows(folder)]

    found = {}
    for split, names in names_by_split(dataset, root, every=every).items():
        folder = folder_of(dataset.splits, split)
        shards, by_name = root / _pattern(dataset, folder), dict(rows(folder))
        found[split] = [
            (name, by_name.get(name) or partial(no_such_image, name, location, shards, by_name))
            for name, location in names
        ]
    return found


def _pattern(dataset: ParquetDataset, folder: str) -> str:
    return dataset.shards.replace("{split}", folder)


def _rows_of_folder(dataset: ParquetDataset, root: Path, folder: str) -> list[tuple[str, Row]]:
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
    found = [row for shard in shards for row in rows_of(shard, dataset.columns, problems)]
    if problems:
        raise InputError(*problems)
    return found

"""Parquet files of images and masks, as the Hugging Face Hub has them: data/train-00000-of-00002.parquet.

A row is an image. Its columns hold encoded files (PNG, JPEG, TIFF, ...), as bytes or as `{bytes, path}`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits, check_patterns
from segsweep.data.image_sources import MISSING, Source, names_with_sources, no_such_image
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
        split: [_item(dataset, name, location, source, cell) for name, location, source in members]
        for split, members in _found(dataset, root).items()
    }


def _item(dataset: ParquetDataset, name: str, location: str, source: Source, cell: Callable[[Row, str], bytes]) -> Item:
    row = source.images.get(name)
    if row is None:
        image = partial(no_such_image, name, location, source)
        return Item(name, image, image)  # as it raises, nothing asks for the mask
    mask = partial(_whatever_its_size, cell, row, dataset.mask) if row.labeled else None
    return Item(name, partial(cell, row, dataset.image), mask, location=row.location)


def _whatever_its_size(cell: Callable[[Row, str], bytes], row: Row, column: str, height: int, width: int) -> bytes:
    return cell(row, column)


def files(dataset: ParquetDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Shard and row of each name: what a shard holds counts as a whole.

    Raises:
        InputError: with one problem for each split without shards, and each shard that lacks a column or is damaged.
    """
    return {
        split: [(name, _files(source.images.get(name))) for name, _, source in members]
        for split, members in _found(dataset, root).items()
    }


def _files(row: Row | None) -> list[Path | str]:
    if row is None:
        return MISSING
    return [row.shard, f"row {row.number}"] if row.labeled else [row.shard]


def _found(dataset: ParquetDataset, root: Path) -> dict[str, list[tuple[str, str, Source]]]:
    """Name and location of each item, and the rows among which it is to be found."""
    return names_with_sources(dataset, root, partial(_rows_of_folder, dataset, root))


def _rows_of_folder(dataset: ParquetDataset, root: Path, folder: str) -> Source:
    """The rows of all shards that a folder stands for in the pattern."""
    pattern = dataset.shards.replace("{split}", folder)
    shards = sorted(path for path in root.glob(pattern) if path.is_file())
    if not shards:
        there = sorted(path.relative_to(root).as_posix() for path in root.glob("**/*.parquet"))
        raise InputError(
            f"{root / pattern}: there is no such file. Put the data there, or correct `shards` or `splits`; Parquet "
            f"files in {root}: {', '.join(there[:10]) or 'none'}."
        )
    problems: list[str] = []
    found: dict[str, Row] = {}
    for name, row in (one for shard in shards for one in rows_of(shard, dataset.columns, problems)):
        if (other := found.setdefault(name, row)) is not row:
            problems.append(
                f"{row.location}: its name {name!r} is that of {other.location}. Name another column with `names`, or "
                "leave it out."
            )
    if problems:
        raise InputError(*problems)
    return Source(root / pattern, found)

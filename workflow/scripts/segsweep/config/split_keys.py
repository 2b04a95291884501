"""The forms of the key `splits` of a data set: lists of names, folders, a column of a table, or drawn."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from segsweep.config.settings import Settings, key

TRAIN, VAL, TEST = "train", "val", "test"
POOL = "all"  # the one split of a data set whose splits are drawn, until preparation deals its images out
LISTS = "lists"
SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SPELLING_OUT = "abcdefgh"  # a name with which patterns are tried


def names_are_usable(names: Mapping[str, Any]) -> None:
    """Raise ValueError where a split has a name that it cannot have: files are named after it."""
    wrong = [name for name in names if not SPLIT_NAME.fullmatch(name) or name == POOL]
    if wrong:
        raise ValueError(
            f"the split {wrong[0]!r} cannot be named so: letters, digits, - and _, and not {POOL!r}. Rename it"
        )


def has_fields(pattern: str) -> bool:
    """Whether a pattern of groups has {name} to be filled in; else it is a regular expression, as `scan_(.{2})` is."""
    return "{name" in pattern or ("{" in pattern and not re.search(r"\{\d*,?\d*\}", pattern))


def check_group(pattern: str) -> str:
    """A pattern of groups as it is.

    Raises:
        ValueError: it is neither a pattern with {name} nor a regular expression with one group.
    """
    remedy = "Write '{name:.4}' for the first four letters of a name, or a regular expression: '(.+)_slice'"
    if has_fields(pattern):
        try:
            group, other = (pattern.format(name=name) for name in (SPELLING_OUT, SPELLING_OUT[::-1]))
        except (LookupError, ValueError, AttributeError) as error:
            raise ValueError(f"found {pattern!r}, which is no pattern of {{name}} ({error!r}). {remedy}") from None
        if not group or group == other:
            raise ValueError(f"found {pattern!r}, which puts all images into one group. {remedy}")
        if pattern == "{name}":
            raise ValueError(
                f"found {pattern!r}, which puts each image into a group of its own. Leave it out. {remedy}"
            )
        return pattern
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"found {pattern!r}, which is no regular expression ({error}). {remedy}") from None
    if expression.groups != 1:
        raise ValueError(
            f"found {pattern!r}: what stands in one pair of parentheses is the group, and it has {expression.groups}. "
            f"{remedy}"
        )
    return pattern


# The check belongs to the type: a validator of a class would be lost where a reader has one of the same name.
GroupPattern = Annotated[str, AfterValidator(check_group)]


class FolderSplits(Settings):
    """Splits by folders: all images that lie there."""

    folders: list[str] | dict[str, str] = key(
        ..., "What is filled in for {split}: a list of splits whose folders have their names, or split: folder."
    )

    @property
    def by_split(self) -> dict[str, str]:
        """Folder of each split."""
        return self.folders if isinstance(self.folders, dict) else {name: name for name in self.folders}

    @field_validator("folders")
    @classmethod
    def _have_names(cls, folders: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
        if isinstance(folders, list) and (TRAIN not in folders or VAL not in folders):
            raise ValueError(
                f"found {folders}; a list names the splits, {TRAIN} and {VAL} among them. Of folders with other names "
                f"say which is which: {{{TRAIN}: {(folders or ['training'])[0]}, {VAL}: ...}}"
            )
        names_are_usable(dict.fromkeys(folders))
        return folders


def _as_written(value: Any) -> Any:
    """A value of a column as it stands in the table, where YAML takes it for a number."""
    if isinstance(value, bool):
        raise ValueError("YAML reads it as true or false; write it in quotes, as it stands in the table: 'True': train")
    return str(value) if isinstance(value, int) else value


class TableSplits(Settings):
    """Splits by a table (CSV with a head; comma, semicolon or tab): a row for each image."""

    table: str = key(..., "The CSV file, under the folder of the data set.")
    name: str = key("name", "Its column of names.")
    split: str = key("split", "Its column of splits.")
    values: dict[Annotated[str, BeforeValidator(_as_written)], str | None] = key(
        {}, "Value in the column: split; null leaves the image out. If not set, the values are train, val and test."
    )
    group: str | None = key(None, "Its column of groups: images of one group never lie in two splits or folds.")
    stems: bool = key(False, "The column of names holds file names: what follows the last dot is left out.")

    @field_validator("values")
    @classmethod
    def _have_names(cls, values: dict[str, str | None]) -> dict[str, str | None]:
        names_are_usable(dict.fromkeys(filter(None, values.values())))
        return values


class Shares(Settings):
    """How splits are drawn; all other images are for training."""

    val: float = key(0.2, "Share of the images for validation.", gt=0, lt=1)
    test: float = key(0.0, "Share of the images for testing.", ge=0, lt=1)
    seed: int = key(0, "Draws them.", ge=0)
    stratify: bool = key(True, "Spread what the task offers (classes, share of foreground, words) as `folds` does.")
    group: GroupPattern | None = key(None, "As the data set's `group`.")

    @model_validator(mode="after")
    def _some_are_left(self):
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val:g} and test {self.test:g} leave no image for training. Lower them")
        return self

    @property
    def by_split(self) -> dict[str, float]:
        """Share of each split."""
        shares = {TRAIN: 1 - self.val - self.test, VAL: self.val, TEST: self.test}
        return {split: share for split, share in shares.items() if share}


class RandomSplits(Settings):
    """Splits that are drawn when the data are prepared, from all images that there are."""

    random: Shares = key(..., "The shares, and how they are drawn.")

    @property
    def group(self) -> str | None:
        """The pattern of groups."""
        return self.random.group


FORMS = {"folders": FolderSplits, "table": TableSplits, "random": RandomSplits}


def _tag(value: Any) -> str:
    """The class that a value is meant for; lists are what is none of the others."""
    if isinstance(value, Settings):
        return type(value).__name__
    return next((cls.__name__ for name, cls in FORMS.items() if isinstance(value, dict) and name in value), "Lists")


def form_of(splits: Any) -> str:
    """`lists`, `folders`, `table` or `random`."""
    return next((name for name, cls in FORMS.items() if isinstance(splits, cls)), LISTS)


def folder_of(splits: Any, split: str) -> str:
    """What is filled in for {split} in patterns."""
    return splits.by_split[split] if isinstance(splits, FolderSplits) else split


def check_patterns(splits: Any, names: str, *others: str) -> None:
    """Raise ValueError where the patterns of a data set do not go with its splits.

    Args:
        splits: the key `splits`.
        names: pattern of the files whose names make a split.
        others: further patterns.
    """
    if form_of(splits) == "folders" and "{split}" not in names:
        raise ValueError(
            f"splits names folders, but {names!r} has no {{split}} that they stand for. Write {{split}} in the place "
            "of the folder"
        )
    if form_of(splits) == "random" and any("{split}" in pattern for pattern in (names, *others)):
        raise ValueError(
            f"the splits are drawn, so no folder has their names: {', '.join((names, *others))}. Leave out {{split}}, "
            "or write splits: {folders: [train, val]}"
        )


# A list of names is no split `table`, which JSON schemas cannot tell by themselves.
_LISTS_SCHEMA = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "propertyNames": {"not": {"enum": list(FORMS)}},
}
Splits = Annotated[
    Annotated[dict[str, str], Tag("Lists"), WithJsonSchema(_LISTS_SCHEMA)]
    | Annotated[FolderSplits, Tag("FolderSplits")]
    | Annotated[TableSplits, Tag("TableSplits")]
    | Annotated[RandomSplits, Tag("RandomSplits")],
    Discriminator(_tag),
]

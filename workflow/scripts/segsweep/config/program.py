"""What a study says of a program of its own that trains in place of segsweep's loop."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, field_validator

from segsweep.config.settings import Settings, key

# Names of columns: these, and those that begin with one of the prefixes.
SHARED = ("epoch", "lr", "seconds")
SHARED_PREFIXES = ("train/", "val/")


def has_place(name: str) -> bool:
    """Whether tables and report have a place for a column of this name."""
    return name in SHARED or name.startswith(SHARED_PREFIXES)


def _within_out(value: str) -> str:
    if PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts or value.startswith("{out}"):
        raise ValueError(
            f"{value!r} is not a path within the folder `{{out}}`, as `metrics.csv` is; write it from there"
        )
    if any("**" in part and part != "**" for part in PurePosixPath(value).parts):
        raise ValueError(f"{value!r}: `**` stands for folders and is a part of its own, as in `**/*.csv`")
    return value


PathInOut = Annotated[str, AfterValidator(_within_out)]


class ProgramColumn(Settings):
    """A column of the program's results. `val/miou: val_iou` is short for `val/miou: {column: val_iou}`."""

    column: str = key(..., "Its name in the file; of TensorBoard the tag.")
    unit: Literal["as_is", "percent"] = key("as_is", "Percent is divided by 100.")

    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """See `Settings`: the name of a column alone."""
        return {"column": value} if isinstance(value, str) else value


WrittenColumn = Annotated[
    ProgramColumn, BeforeValidator(ProgramColumn.spelled_out, json_schema_input_type=ProgramColumn | str)
]


class ProgramResults(Settings):
    """Where the program writes its metrics, a row for each epoch, and how its columns are called here."""

    file: PathInOut = key(
        "metrics.csv",
        "File in `{out}`; `*` and `**` stand for names that the program makes up, and the newest file counts: "
        "`lightning_logs/version_*/metrics.csv`, `**/events.out.tfevents.*`.",
    )
    format: Literal["csv", "jsonl", "tensorboard", "lightning"] | None = key(
        None,
        "CSV, JSON lines, TensorBoard's event files, or the file of Lightning's CSVLogger, which writes an epoch in "
        "several rows; told by the file's name if not set.",
    )
    columns: dict[str, WrittenColumn] = key(
        {},
        "Name here: name there. `epoch`, `lr`, `seconds`, and `train/...`, `val/...` for what is shown and compared; "
        "names that are the same need no entry.",
    )
    first_epoch: Literal[0, 1] | None = key(
        None, "How the program numbers its first epoch; from 0 where its file has an epoch 0, if not set."
    )

    @field_validator("columns")
    @classmethod
    def _one_name_each(cls, value: dict[str, ProgramColumn]) -> dict[str, ProgramColumn]:
        names: dict[str, str] = {}
        for name, entry in value.items():
            if not has_place(name):
                raise ValueError(
                    f"{name!r} is no name of a column here: tables and report have train/..., val/..., "
                    f"{', '.join(SHARED)}. Write `val/{name.rpartition('/')[2]}: {entry.column}`, or leave it out"
                )
            if entry.column in names:
                raise ValueError(
                    f"{names[entry.column]} and {name} are the same column {entry.column!r}; give it one name"
                )
            names[entry.column] = name
        return value

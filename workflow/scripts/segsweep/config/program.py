"""What a study says of a program of its own that trains in place of segsweep's loop."""

from pathlib import PurePosixPath
from typing import Literal

from pydantic import field_validator

from segsweep.config.settings import Settings, key


class ProgramColumn(Settings):
    """A column of the program's results. `val/miou: val_iou` is short for `val/miou: {column: val_iou}`."""

    column: str = key(..., "Its name in the file; of TensorBoard the tag.")
    unit: Literal["as_is", "percent"] = key("as_is", "Percent is divided by 100.")


class ProgramResults(Settings):
    """Where the program writes its metrics, a row for each epoch, and how its columns are called here."""

    file: str = key(
        "metrics.csv",
        "File in `{out}`; `*` and `**` stand for names that the program makes up, and the newest file counts: "
        "`lightning_logs/version_*/metrics.csv`, `**/events.out.tfevents.*`.",
    )
    format: Literal["csv", "jsonl", "tensorboard", "lightning"] | None = key(
        None,
        "CSV, JSON lines, TensorBoard's event files, or the file of Lightning's CSVLogger, which writes an epoch in "
        "several rows; told by the file's name if not set.",
    )
    columns: dict[str, ProgramColumn | str] = key(
        {},
        "Name here: name there. `epoch`, `lr`, `seconds`, and `train/...`, `val/...` for what is shown and compared; "
        "names that are the same need no entry.",
    )
    first_epoch: Literal[0, 1] | None = key(
        None, "How the program numbers its first epoch; from 0 where its file has an epoch 0, if not set."
    )

    @field_validator("file")
    @classmethod
    def _within_out(cls, value: str) -> str:
        if PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts or value.startswith("{out}"):
            raise ValueError(
                f"{value!r} is not a path within the folder `{{out}}`, as `metrics.csv` is; write it from there"
            )
        return value

    @field_validator("columns")
    @classmethod
    def _one_name_each(cls, value: dict[str, ProgramColumn | str]) -> dict[str, ProgramColumn | str]:
        names: dict[str, str] = {}
        for name, entry in value.items():
            column = entry if isinstance(entry, str) else entry.column
            if column in names:
                raise ValueError(f"{names[column]} and {name} are the same column {column!r}; give it one name")
            names[column] = name
        return value

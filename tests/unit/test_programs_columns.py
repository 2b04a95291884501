"""A program's columns under the names that they have here."""

import pytest
from pydantic import ValidationError

from segsweep.config.program import ProgramResults
from segsweep.programs.columns import missing_columns, renamed, renamed_rows

RESULTS = ProgramResults(
    columns={"epoch": "step", "val/miou": {"column": "iou", "unit": "percent"}, "train/loss": "loss", "val/dice": "d"}
)


def test_columns_are_renamed_and_equal_names_need_no_entry():
    header = ["epoch", "iou", "loss", "val/f1", "memory", "lr", "val/miou"]
    assert renamed(header, RESULTS) == {
        "epoch": "epoch", "iou": "val/miou", "loss": "train/loss", "val/f1": "val/f1", "lr": "lr"
    }  # fmt: skip


def test_percent_becomes_a_share_and_empty_fields_stay_empty():
    rows = [{"epoch": "1", "iou": "42.5", "loss": "0.5", "x": "1"}, {"epoch": "2", "iou": "", "loss": "nan", "x": "1"}]
    assert renamed_rows(rows, RESULTS) == [
        {"epoch": "1", "val/miou": "0.425", "train/loss": "0.5"},
        {"epoch": "2", "val/miou": "", "train/loss": "nan"},
    ]


def test_missing_columns_are_named_with_the_nearest():
    said = missing_columns(["step", "ioU", "loss", "dice"], RESULTS, ["val/miou", "val/f1"])
    assert said == [
        "results.columns: no column 'iou' of numbers for val/miou. Did you mean 'ioU'? Allowed: dice, ioU, loss, step. "
        "Write `columns: {val/miou: COLUMN}`.",
        "results.columns: no column 'd' of numbers for val/dice. Allowed: dice, ioU, loss, step. "
        "Write `columns: {val/dice: COLUMN}`.",
        "results.columns: no column 'val/f1' of numbers for val/f1. Allowed: dice, ioU, loss, step. "
        "Write `columns: {val/f1: COLUMN}`.",
    ]
    assert missing_columns(["iou", "loss", "d"], RESULTS, ["val/miou"]) == []


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({"file": "/tmp/metrics.csv"}, "'/tmp/metrics.csv' is not a path within the folder `{out}`"),
        ({"file": "logs**/metrics.csv"}, "`**` stands for folders and is a part of its own"),
        ({"file": "{out}/metrics.csv"}, "is not a path within"),
        ({"file": "../metrics.csv"}, "is not a path within"),
        ({"columns": {"val/a": "x", "val/b": {"column": "x"}}}, "val/a and val/b are the same column 'x'"),
    ],
)
def test_results_that_cannot_be_meant_are_refused(results, said):
    with pytest.raises(ValidationError) as refused:
        ProgramResults.model_validate(results)
    assert said in str(refused.value)

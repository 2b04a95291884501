"""Which rows of a foreign table are seeds of one setting: those in which nothing that is undeclared differs."""

import fnmatch
import json
from collections.abc import Iterable
from typing import Any

from segsweep.analysis.foreign_exports import is_bookkeeping, is_identity, kind_of
from segsweep.analysis.foreign_files import ForeignTable, Row
from segsweep.analysis.foreign_values import Levels
from segsweep.analysis.imported_rows import Reader
from segsweep.config.imported_table import Table
from segsweep.statuses import USABLE

DIGITS, DIGITS_OF_SEEDS = 5, 8
SHOWN = 3
ADVICE = {
    "seed": "If it numbers seeds or folds, write `seed: {column}`.",
    "history": "If a row is an epoch of a run and not a run, write `history: {column}`; if it is the number of "
    "epochs that a run had, `epochs: {column}`.",
    "metrics": "If it is a result, add `{name}: {{column: {column}, unit: none}}` to `metrics`.",
    "axes": "If it is a hyperparameter, add `{column}: {column}` to `axes`.",
}


def by_setting(records: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The records of each setting, in order of appearance."""
    groups: dict[str, list] = {}
    for record in records:
        groups.setdefault(setting_key(record), []).append(record)
    return list(groups.values())


def setting_key(record: dict[str, Any]) -> str:
    """A text that two records share where they have the same levels."""
    return json.dumps(record["settings"], sort_keys=True)


def undeclared_differences(records: list[dict[str, Any]], source: ForeignTable, reader: Reader) -> list[str]:
    """A problem for each undeclared column that differs among usable runs of one setting.

    Args:
        records: all runs; `row` is the row of a run that is compared, `rows` all of them, where it has several.
        source: the table.
        reader: that read its rows.
    """
    table = reader.table
    declared = {*table.columns.values(), reader.status_column}
    ignored = [name for name in source.header if any(fnmatch.fnmatchcase(name, one) for one in table.ignore)]
    open_columns = [
        name for name in source.header if name not in declared and name not in ignored and not is_bookkeeping(name)
    ]
    groups = [usable for group in by_setting(records) if len(usable := [r for r in group if r["status"] in USABLE]) > 1]
    differing: dict[str, str] = {}
    for column in open_columns:
        if any(_varies_inside(record, column) for group in groups for record in group):
            continue  # measured in each epoch
        levels = Levels(list(filter(None, reader.level_texts(source.rows, column))), reader.numbers)
        for group in groups:
            found: dict[str, Row] = {}
            for record in group:
                text = reader.level_text(record["row"].fields[column])
                found.setdefault(repr(levels.level(text)) if text else "", record["row"])
            if len(found) > 1:
                differing[column] = _difference(column, list(found.values()), source)
                break
    problems = list(differing.values())
    if len(differing) > 1:
        columns = json.dumps(list(differing), ensure_ascii=False).replace('"', "'")
        problems.append(f"To leave all of these columns aside, write `ignore: {columns}` into `table`.")
    return problems


def _varies_inside(record: dict[str, Any], column: str) -> bool:
    return len({row.fields[column] for row in record.get("rows", ())}) > 1


def _difference(column: str, rows: list[Row], source: ForeignTable) -> str:
    kinds = list(dict.fromkeys([kind_of(column), "axes", "metrics"]))
    name = f"val/{column.removeprefix('val_').removeprefix('val/')}"
    advice = " ".join(ADVICE[kind].format(column=column, name=name) for kind in kinds)
    values = ", ".join(repr(row.fields[column]) for row in rows[:SHOWN])
    places = " and ".join(source.place(row) for row in rows[:2])
    return (
        f"{rows[1].where}: {column} differs ({values}) between rows with the same level on every axis ({places}), so "
        f"they are no seeds of one setting. {advice} If it says nothing of the setting, write `ignore: [{column}]`."
    )


def copies_of(group: list[dict[str, Any]], table: Table, columns: dict[str, str]) -> dict[int, dict[str, Any]]:
    """Which records of one setting are an earlier one again.

    A record is, where both ended alike with the same scores and these have five digits or more, so that chance does not
    explain it (of runs with different seeds eight, of all metrics together); where their seeds are declared and the
    same; and where their rows are identical with all that identifies them.

    Args:
        group: the records of one setting.
        table: what is declared.
        columns: the column of each metric.

    Returns:
        By the `id` of each copy the record that it repeats.
    """
    first: dict[tuple, dict[str, Any]] = {}
    found: dict[int, dict[str, Any]] = {}
    for record in group:
        keys = _identities(record, table, columns)
        earlier = next((first[key] for key in keys if key in first), None)
        if earlier is not None:
            found[id(record)] = earlier
        for key in keys:
            first.setdefault(key, earlier or record)
    return found


def _identities(record: dict[str, Any], table: Table, columns: dict[str, str]) -> list[tuple]:
    """What no two runs share; none where nothing tells whether a record is an earlier one again."""
    fields = record["row"].fields
    keys: list[tuple] = []
    if any(text and (column == table.cell or is_identity(column)) for column, text in fields.items()):
        keys.append(("row", record["row"].file, *fields.values()))
    scores: tuple = tuple(sorted(record["values"].items()))
    if not scores:
        return keys
    has_seed = table.seed is not None and record["seed"] is not None
    digits = [_digits(fields[columns[name]]) for name, value in scores if value not in (0, 1)]
    fine = sum(digits) >= DIGITS_OF_SEEDS if has_seed else max(digits, default=0) >= DIGITS
    if len(rows := record.get("rows", [])) > 1:  # a whole curve
        scores += tuple(tuple(row.fields[column] for column in columns.values()) for row in rows)
        fine = True
    if fine:
        keys.append(("scores", record["status"], scores))
    if has_seed:
        keys.append(("seed", record["status"], scores, record["seed"]))
    return keys


def _digits(text: str) -> int:
    """Significant digits of a number's text, zeros at its end aside."""
    mantissa = text.lower().removesuffix("%").strip().partition("e")[0]
    return len("".join(one for one in mantissa if one.isdecimal()).strip("0"))

"""What is wrong with a study of results made elsewhere, before and after its table is read: keys, columns, names."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from segsweep.analysis.foreign_exports import STATUSES
from segsweep.analysis.level_numbers import same_text
from segsweep.analysis.measures import GROUPS, NAMES
from segsweep.config.metric_direction import doubtful_direction
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import value_in_words
from segsweep.tables import definitions

Location = Callable[[tuple], str]
TABLES_WITH_AXES = ("cells.csv", "runs.csv", "ranking.csv")
# Beginnings of the names of what is measured.
MEASURED = ("val/", "train/", "test/", *GROUPS)
# Keys of a table that may name one column: the epochs of a run, or its name, may be its level, too.
SHARED = ({"axes", "epochs"}, {"axes", "cell"}, {"metrics", "epochs"}, {"metrics"}, {"epochs", "seed"})


def check_keys(study: Study, location: Location) -> None:
    """What can be said of a study with `table` without the file.

    Args:
        study: the study.
        location: where a key stands, as `file:line`.

    Raises:
        InputError: one problem for each key that cannot be right.
    """
    table, problems = study.table, doubtful_direction(study, location)
    if table.status and "column" not in table.status:
        where = location(("table", "status"))
        problems.append(f"{where}: `table.status` has words but no `column`. Add `column: NAME` to it.")
    problems += [
        f"{location(('table', 'status', word))}: `table.status.{word}` is {status!r}, which is no status. Allowed: "
        f"{', '.join(STATUSES)}; a run that crashed is `failed`."
        for word, status in table.status.items()
        if word != "column" and status not in STATUSES
    ]
    for key in ("conditional", "words"):
        problems += [
            f"{location(('table', key))}: `table.{key}` names {axis!r}, which is not in `table.axes`. "
            f"{nearest(axis, table.axes)}"
            for axis in getattr(table, key)
            if axis not in table.axes
        ]
    if table.history and table.epochs:
        problems.append(
            f"{location(('table', 'history'))}: `table.epochs` and `table.history` exclude each other: with `history` "
            "a run's rows are counted."
        )
    if study.metric not in table.metrics:
        problems.append(
            f"{location(('metric',))}: the study's metric {study.metric!r} is not in `table.metrics`. "
            f"{nearest(study.metric, table.metrics)}"
        )
    problems += _names_of_ours(study, location) + _shared_columns(study, location)
    if problems:
        raise InputError(*problems)


@cache
def _columns_of_tables() -> set[str]:
    """Columns of tables that have a column for each axis, and those that the analysis adds to runs."""
    tables = [one for one in definitions() if one.file in TABLES_WITH_AXES]
    names = {column.name for table in tables for column in table.columns if not column.family}
    return names | {"score", "usable", "of", "final"}


def _names_of_ours(study: Study, location: Location) -> list[str]:
    """Axes and metrics that are called like a column of our tables, or like each other."""
    table, problems, ours = study.table, [], _columns_of_tables()
    for axis in table.axes:
        where = location(("table", "axes", axis))
        if (axis in ours and axis != "epochs") or axis in NAMES:  # which may be what varies
            problems.append(
                f"{where}: an axis cannot be called {axis!r}, which is a column of runs.csv or ranking.csv. Rename the "
                f"key in `axes`, not the column: `my_{axis.rpartition('/')[2]}: {table.axes[axis]}`."
            )
        elif axis.startswith(MEASURED):
            problems.append(
                f"{where}: an axis cannot be called {axis!r}: names that begin with {axis.partition('/')[0]}/ are of "
                f"what is measured. Rename the key in `axes`: `{axis.partition('/')[2]}: {table.axes[axis]}`."
            )
        elif axis in table.metrics:
            problems.append(f"{where}: {axis!r} is an axis and a metric. Rename the key in `axes`.")
    problems += [
        f"{location(('table', 'metrics', name))}: a metric cannot be called {name!r}, which is a column of runs.csv or "
        f"ranking.csv. Rename the key in `metrics`: `val/{name}`."
        for name in table.metrics
        if name in ours and name not in NAMES
    ]
    return problems


def _shared_columns(study: Study, location: Location) -> list[str]:
    """Columns that two keys of the table name, though one column says one thing."""
    keys: dict[str, list[str]] = {}
    for key, column in study.table.columns.items():
        keys.setdefault(column, []).append(key)
    problems = []
    for column, named in keys.items():
        kinds = {key.partition(".")[0] for key in named}
        if len(named) < 2 or any(kinds == pair for pair in SHARED):
            continue
        first, second = named[:2]
        kind, _, name = second.partition(".")
        problems.append(
            f"{location(('table', kind, name) if name else ('table', kind))}: column {column!r} is both "
            f"`table.{first}` and `table.{second}`. A column is one of them: name another column, or remove one key."
        )
    return problems


def check_names_and_claims(study: Study, runs: list[dict[str, Any]], location: Location) -> None:
    """That claims and `names` speak of what the table has.

    Args:
        study: the study.
        runs: rows of runs.csv.
        location: where a key stands, as `file:line`.

    Raises:
        InputError: one problem for each axis, level, column or name that is none of the study.
    """
    axes = list(study.table.axes)
    levels = {axis: list(dict.fromkeys(str(row[axis]) for row in runs if row.get(axis) not in ("", None)))
              for axis in axes}  # fmt: skip
    columns = {name for row in runs for name in row} | set(NAMES)
    problems = []
    for number, claim in enumerate(study.claims):
        where = f"{location(('claims', number))}: claim {claim.id}"
        problems += [
            f"{where} speaks of {axis!r}, which is no axis of the table. {nearest(axis, axes)}"
            for axis in dict.fromkeys(claim.axes())
            if axis not in axes
        ]
        for axis, value in _levels_in(claim):
            if axis in axes and not same_text(text := value_in_words(value), set(levels[axis])):
                problems.append(
                    f"{where} names the level {text!r} of {axis}, which no row of the table has. "
                    f"{nearest(text, levels[axis])}"
                )
        column = getattr(claim, "of", None)
        if column is not None and column not in columns:
            problems.append(f"{where} is of {column!r}, which the table does not have. "
                            f"{nearest(column, study.table.metrics)}")  # fmt: skip
    problems += _names(study, levels, location)
    if problems:
        raise InputError(*problems)


def _levels_in(claim: Any) -> Iterable[tuple[str, Any]]:
    """Each axis with a level of it that a claim names."""
    for key in ("best_in", "least_spread", "where"):
        for axis, value in (getattr(claim, key, None) or {}).items():
            yield from ((axis, one) for one in (value if isinstance(value, list) else [value]))


def _names(study: Study, levels: dict[str, list[str]], location: Location) -> list[str]:
    """Keys of `names` that name nothing, and display names that two axes, or two levels of one, share."""
    metrics = list(study.table.metrics)
    texts = {level for own in levels.values() for level in own}
    known = {*levels, *metrics, *NAMES, *texts, "epochs", "best_epoch", *(name.rpartition("/")[2] for name in metrics)}
    problems = [
        f"{location(('names', name))}: `names` has {name!r}, which is no axis, metric, class or level of the study. "
        f"{nearest(name, {*levels, *metrics, *texts})}"
        for name in study.names
        if name not in known and not same_text(name, texts)
    ]
    for kind, group in [("axes", list(levels)), *((f"levels of {axis}", own) for axis, own in levels.items())]:
        shown = Counter(study.names.get(one, one).casefold() for one in group)
        for text in [text for text, count in shown.items() if count > 1]:
            same = [one for one in group if study.names.get(one, one).casefold() == text]
            given = next((one for one in same if one in study.names), None)
            if given is not None:
                problems.append(
                    f"{location(('names', given))}: the {kind} {' and '.join(map(repr, same))} have one name, "
                    f"{study.names[given]!r}: nobody could tell them apart. Give each its own."
                )
    return problems

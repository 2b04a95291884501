"""Tables of which a row is an epoch of a run, such as Keras' CSVLogger writes: curves, and each run's best epoch."""

import math
from typing import Any

from segsweep.analysis.curve_numbers import index_of_best, sample_std
from segsweep.analysis.foreign_files import ForeignTable, Row
from segsweep.analysis.imported_rows import Reader
from segsweep.statuses import USABLE


def runs_of_epochs(
    source: ForeignTable, reader: Reader, minimize: bool
) -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]]]:
    """The runs of a table of epochs; what is wrong becomes a problem of the reader.

    Rows are of one run where file, name, setting and seed are the same.

    Args:
        source: all rows.
        reader: of these rows.
        minimize: whether the best value of the study's metric is the lowest.

    Returns:
        A record for each run, like `Reader.record`, with its scores at its best epoch; and by the `id` of the record
        the rows of epochs.csv, without run and cell.
    """
    table, metric = reader.table, reader.metric
    groups: dict[tuple, dict[int, Row]] = {}
    for row in source.rows:
        epoch = reader.whole(row, table.history)
        if epoch is None:
            if row.fields[table.history] in reader.missing:
                reader.problems.append(f"{row.where}: no {table.history}. With `table.history` each row has its epoch.")
            continue
        settings, _ = reader.settings(row)
        name, seed = (row.fields[column] if column else "" for column in (table.cell, table.seed))
        epochs = groups.setdefault((row.file, name, repr(settings), seed), {})
        if epoch in epochs:
            reader.problems.append(
                f"{row.where}: {table.history} {epoch} again, as in line {epochs[epoch].line}, in a row with the same "
                "setting. If these are two runs, name the column that tells them apart with `table.seed` or "
                "`table.cell`."
            )
        epochs.setdefault(epoch, row)
    reader.problems += _levels_that_change(groups, reader)
    first = min((epoch for epochs in groups.values() for epoch in epochs), default=1)
    shift = 1 if first == 0 else 0  # Keras counts from 0, segsweep from 1
    records: list[dict[str, Any]] = []
    curves: dict[int, list[dict[str, Any]]] = {}
    for epochs in groups.values():
        order = sorted(epochs)
        scored = [reader.values(epochs[epoch]) for epoch in order]
        best = index_of_best([values.get(metric, math.nan) for values, _ in scored], minimize)
        record = reader.record(epochs[order[-1 if best is None else best]])
        last = reader.record(epochs[order[-1]])
        record["status"], ended = last["status"], scored[-1][1]
        if record["status"] in USABLE and (metric in ended or any("loss" in name for name in ended)):
            record["status"] = "diverged"
        if record["status"] == "diverged":
            names = ", ".join(sorted(reader.metrics[name].column for name in ended))
            record["detail"] = f"{names} not finite in epoch {order[-1] + shift}" if ended else last["detail"]
        record["lacking"] = _lacking(record, last, reader, best is not None)
        record |= {"epochs": order[-1] + shift, "row": epochs[order[0]], "rows": [epochs[one] for one in order]}
        if best is not None:
            record["measures"] = {"best_epoch": order[best] + shift, "convergence/epochs_to_best": order[best] + shift}
        record.setdefault("measures", {}).update(_measures([values for values, _ in scored], best))
        records.append(record)
        curves[id(record)] = [
            {"epoch": epoch + shift} | values for epoch, (values, _) in zip(order, scored, strict=True)
        ]
    return records, curves


def _levels_that_change(groups: dict[tuple, dict[int, Row]], reader: Reader) -> list[str]:
    """A problem for each run of which an axis changes on the way: such a column is measured, and no hyperparameter."""
    runs: dict[tuple, list[dict[int, Row]]] = {}
    for (file, name, _, seed), epochs in groups.items():
        if name or reader.folder:
            runs.setdefault((file, name, seed), []).append(epochs)
    problems = []
    for parts in runs.values():
        if len(parts) < 2 or len({epoch for part in parts for epoch in part}) < sum(map(len, parts)):
            continue
        first, second = (next(iter(part.values())) for part in parts[:2])
        changing = [c for c in reader.table.axes.values() if first.fields[c] != second.fields[c]]
        problems.append(
            f"{second.where}: {' and '.join(changing)} changes within a run, from "
            f"{' and '.join(repr(first.fields[c]) for c in changing)} in line {first.line}. An axis has one level in a "
            "run: name a column or a placeholder of `table.file` that holds it."
        )
    return problems


def _lacking(record: dict[str, Any], last: dict[str, Any], reader: Reader, has_score: bool) -> list[str]:
    """What a run lacks: what its last row says of its end, and a score only where no epoch has one."""
    column = reader.metrics[reader.metric].column
    lacking = [one for one in last["lacking"] if one != f"no {column}"]
    return lacking + [f"no {column}"] * (not has_score and record["status"] in USABLE)


def _measures(scored: list[dict[str, float]], best: int | None) -> dict[str, float | None]:
    """Stability and overfitting of a run, defined as those of runs trained here."""
    losses = [values.get("val/loss") for values in scored]
    found = {}
    if any(loss is not None for loss in losses):
        found["stability/val_loss_std"] = sample_std([loss for loss in losses[len(losses) // 2 :] if loss is not None])
    if best is not None and losses[best] is not None and "train/loss" in scored[best]:
        found["overfit/gap"] = losses[best] - scored[best]["train/loss"]
    return found

"""Tables of a search, from its step files: trials, decisions, what was spent and saved."""

import json
from pathlib import Path
from typing import Any

from segsweep.io import read_csv, write_csv
from segsweep.search.confirmation import candidates_of, ranked
from segsweep.search.step_files import State, Trial
from segsweep.tables import Column, Table


class Trials(Table):
    """A trial, in the order in which they were proposed."""

    file = "sweep/trials.csv"
    rules = ("tabulate_search",)
    columns = (
        Column("trial", "integer", "Its number, from 0."),
        Column("proposed", "integer", "The decision that proposed it: number of its step file, from 0."),
        Column("ended", "integer", "The decision that saw its end.", empty="it is still running"),
        Column("bracket", "integer", "Its bracket.", empty="the pruner has none"),
        Column("status", "text", "How it ended, or what it is."),
        Column("rank", "integer", "Its rank by score, 1 is the best.", empty="it failed, or has no score yet"),
        Column("score", "number", "Its score; mean over seeds and folds.", empty="it has none"),
        Column("best_epoch", "integer", "The epoch of that score.", empty="it has none, or several runs"),
        Column("epochs", "integer", "Epochs that it was granted."),
        Column("trained", "integer", "Epochs that it trained, over all seeds and folds."),
        Column("total_epochs", "integer", "Epochs of a trial in full."),
        Column("pruned_at", "integer", "Epoch of the rung that pruned it.", empty="none did"),
        Column("budget", "text", "The limit of the study's `budget` that ended it: `gpu_hours`, `runs` or `until`.",
               empty="none did"),
        Column("protected", "text", "Epochs of the rungs at which only its score protected it, separated by blanks.",
               empty="none"),
        Column("confirmed_mean", "number", "Mean score of its fresh seeds.", empty="it was not confirmed"),
        Column("confirmed_rank", "integer", "Its rank by this mean.", empty="it was not confirmed"),
        Column("<objectives>", "number", "Of several objectives each; mean over seeds and folds.",
               empty="it has none"),
        Column("<axes>", "text", "Its value of the hyperparameter; a section as JSON.",
               empty="the hyperparameter does not apply to it"),
    )  # fmt: skip


class Decisions(Table):
    """A trial, judged at a rung."""

    file = "sweep/decisions.csv"
    rules = ("tabulate_search",)
    columns = (
        Column("step", "integer", "The decision, from 0."),
        Column("pruner", "text", "The pruner."),
        Column("bracket", "integer", "The bracket.", empty="the pruner has none"),
        Column("epoch", "integer", "Epoch of the rung."),
        Column("trial", "integer", "Number of the trial."),
        Column("score", "number", "Its score up to the rung.", empty="it has none"),
        Column("rank", "integer", "Its rank among the trials compared.", empty="it has no score"),
        Column("of", "integer", "Trials compared."),
        Column("cutoff", "number", "Score that the pruner asked for.", empty="it names none"),
        Column("best", "number", "Best score of the trials compared.", empty="none has a score"),
        Column("decision", "text", "`promoted` or `pruned`."),
        Column("reason", "text", "`top`, `passes`, `preserve`, `margin`, `improving`, `few` or `behind`."),
        Column("epochs_left", "integer", "Epochs that the trial would still have cost."),
    )


TRIAL_COLUMNS = [column.name for column in Trials.columns if column.family is None]


def trials(states: list[State]) -> list[dict[str, Any]]:
    """Rows of trials.csv; values by dotted axis."""
    if not states:
        return []
    last = states[-1]
    ranks = {
        entry["trial"]: rank for rank, entry in enumerate(ranked(candidates_of(last["trials"]), _minimizes(states)), 1)
    }
    confirmed = {entry["trial"]: entry for entry in last.get("confirmed", []) if "trial" in entry}
    protected: dict[int, list[int]] = {}
    for _, record in records(states, "rung"):
        for number in record["protected"]:
            protected.setdefault(number, []).append(record["epoch"])
    rows = []
    for trial in last["trials"]:
        number = trial["trial"]
        own = confirmed.get(number, {})
        row = {name: trial[name] for name in TRIAL_COLUMNS if name in trial}
        by_rung = trial["status"] == "pruned" and "budget" not in trial
        row |= {"rank": ranks.get(number), "pruned_at": trial["epochs"] if by_rung else None}
        row |= {"protected": protected.get(number, []), "confirmed_mean": own.get("mean")}
        row |= {"confirmed_rank": own.get("rank")} | trial.get("objectives", {}) | trial["values"]
        rows.append(row)
    return rows


def decisions(states: list[State]) -> list[dict[str, Any]]:
    """Rows of decisions.csv."""
    return [
        {
            "step": step,
            "pruner": record["pruner"],
            "bracket": record["bracket"],
            "epoch": record["epoch"],
            "trial": entry["trial"],
            "score": entry["score"],
            "rank": entry["rank"],
            "of": len(record["compared"]),
            "cutoff": entry["cutoff"],
            "best": record["best"],
            "decision": "promoted" if entry["promoted"] else "pruned",
            "reason": entry["reason"],
            "epochs_left": entry["epochs_left"],
        }
        for step, record in records(states, "rung")
        for entry in record["decided"]
    ]


def records(states: list[State], kind: str) -> list[tuple[int, dict[str, Any]]]:
    """(step, record) of all log records of a kind."""
    return [(state["step"], record) for state in states for record in state["log"] if record["kind"] == kind]


def write_tables(states: list[State], folder: Path) -> None:
    """Write trials.csv and decisions.csv into a folder; the axes are the last columns of trials.csv."""
    rows = [
        {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in row.items()}
        | {"protected": " ".join(map(str, row["protected"]))}
        for row in trials(states)
    ]
    write_csv(folder / Path(Trials.file).name, rows, TRIAL_COLUMNS)
    write_csv(folder / Path(Decisions.file).name, decisions(states), Decisions.header())


def read_trials(file: Path) -> list[Trial]:
    """Trials from a trials.csv, as far as narrowing needs them: trial, status, score, values (numbers where they are).

    The step files of a study say the same exactly; this is for where only the table was kept.
    """
    return [
        {
            "trial": int(row["trial"]),
            "status": row["status"],
            "score": float(row["score"]) if row["score"] else None,
            "values": {axis: _value(text) for axis, text in row.items() if axis not in TRIAL_COLUMNS and text},
        }
        for row in read_csv(file)
    ]


def _value(text: str) -> Any:
    if text[0] in "[{":  # a list, or a section
        return json.loads(text)
    if text in ("True", "False"):
        return text == "True"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _minimizes(states: list[State]) -> bool:
    return any(record.get("minimize", False) for state in states[:1] for record in state["log"])

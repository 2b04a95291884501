"""Tables of a search, from its step files: trials, decisions, what was spent and saved."""

from pathlib import Path
from typing import Any

from segsweep.io import read_csv, write_csv
from segsweep.search.confirmation import candidates_of, ranked
from segsweep.search.step_files import State, Trial

TRIAL_COLUMNS = [
    "trial", "batch", "bracket", "status", "rank", "score", "best_epoch", "epochs", "trained", "total_epochs",
    "pruned_at", "protected", "confirmed_mean", "confirmed_rank",
]  # fmt: skip
DECISION_COLUMNS = [
    "step", "pruner", "bracket", "epoch", "trial", "score", "rank", "of", "cutoff", "best", "decision", "reason",
    "epochs_left",
]  # fmt: skip


def trials(states: list[State]) -> list[dict[str, Any]]:
    """One row a trial: `TRIAL_COLUMNS`, then its values by dotted axis.

    `epochs` were granted, `trained` were spent (over all seeds and folds); `rank` is None where a trial failed;
    `pruned_at` is the rung that pruned it; `protected` holds the rungs at which its score alone protected it.
    """
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
        row |= {"rank": ranks.get(number), "pruned_at": trial["epochs"] if trial["status"] == "pruned" else None}
        row |= {"protected": protected.get(number, []), "confirmed_mean": own.get("mean")}
        row |= {"confirmed_rank": own.get("rank")} | trial["values"]
        rows.append(row)
    return rows


def decisions(states: list[State]) -> list[dict[str, Any]]:
    """One row for each trial judged at a rung: `DECISION_COLUMNS`.

    `of` trials were compared; `decision` is `promoted` or `pruned`; `reason` is `top`, `preserve`, `margin`, `few` or
    `behind`; `epochs_left` is what the trial would still have cost.
    """
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


def spent(states: list[State]) -> dict[str, int | float]:
    """Epochs that the search trained, that all its trials in full would have taken, and what pruning saved."""
    runs = _runs_of_a_trial(states)
    found = states[-1]["trials"] if states else []
    trained = sum(trial["trained"] for trial in found)
    full = sum(runs * trial["total_epochs"] for trial in found)
    saved = sum(record["epochs_saved"] for _, record in records(states, "rung"))
    return {
        "trials": len(found),
        "pruned": sum(trial["status"] == "pruned" for trial in found),
        "epochs": trained,
        "epochs_full": full,
        "epochs_saved": saved,
        "share": trained / full if full else 1.0,
    }


def records(states: list[State], kind: str) -> list[tuple[int, dict[str, Any]]]:
    """(step, record) of all log records of a kind."""
    return [(state["step"], record) for state in states for record in state["log"] if record["kind"] == kind]


def write_tables(states: list[State], folder: Path) -> None:
    """Write trials.csv and decisions.csv into a folder; the axes are the last columns of trials.csv."""
    rows = [row | {"protected": " ".join(map(str, row["protected"]))} for row in trials(states)]
    write_csv(folder / "trials.csv", rows, TRIAL_COLUMNS)
    write_csv(folder / "decisions.csv", decisions(states), DECISION_COLUMNS)


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


def _runs_of_a_trial(states: list[State]) -> int:
    return max(1, sum(run["trial"] == 0 for state in states[:1] for run in state["requested"]))

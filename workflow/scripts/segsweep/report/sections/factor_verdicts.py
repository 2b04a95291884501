"""Three paragraphs on a hyperparameter: convergence, generalisation, recommendation.

Only here a level may be called better, and only where a comparison says so.
"""

import pandas as pd

from segsweep.report.markdown import capital, listed, paragraph
from segsweep.report.quoted_results import QuotedResults


def convergence(results: QuotedResults, axis: str) -> str:
    """How soon levels reach their best, and which runs did not finish."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    said = [_extremes(results, axis, "convergence/epochs_to_best", "fixed:1", _epochs_to_best)]
    for column, one, many in (
        ("n_diverged", "diverged", "diverged"),
        ("n_oom", "ran out of memory", "ran out of memory"),
        ("n_pruned", "was pruned", "were pruned"),
    ):
        hit = mine[mine[column] > 0] if column in mine else mine.iloc[:0]
        if len(hit):
            parts = [
                f"{factors.quote(i, column, 'plural:run')} with {results.quote_code('factors', i, 'level')}"
                for i in hit.index
            ]
            said.append(f"{capital(listed(parts))} {one if hit[column].sum() == 1 else many}.")
    return paragraph(*said) or "No column says how soon runs reached their best.\n"


def _epochs_to_best(low: str, low_value: str, high: str, high_value: str) -> str:
    return (
        f"Runs with {low} reached their best after {low_value} epochs on average, those with {high} after {high_value}."
    )


def generalisation(results: QuotedResults, axis: str) -> str:
    """How far validation falls behind training, and how steady the validation loss is."""

    def gap(low: str, low_value: str, high: str, high_value: str) -> str:
        return (
            "The gap between validation and training loss at the best "
            f"epoch is smallest with {low} ({low_value} on average) "
            f"and largest with {high} ({high_value})."
        )

    def steady(low: str, low_value: str, high: str, high_value: str) -> str:
        return (
            f"The validation loss is steadiest with {low} (standard deviation "
            f"{low_value}) and least steady with {high} ({high_value})."
        )

    said = [
        _extremes(results, axis, "overfit/gap", "metric", gap),
        _extremes(results, axis, "stability/val_loss_std", "metric", steady),
    ]
    if any(said):
        said.append("These differences are described, not tested.")
    return paragraph(*said) or "No column compares training with validation.\n"


def _extremes(results: QuotedResults, axis: str, column: str, style: str, sentence) -> str | None:
    """If levels have different means in a column: the least and the most."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    if column not in mine or mine[column].notna().sum() < 2:
        return None
    low, high = mine[column].idxmin(), mine[column].idxmax()
    low_value, high_value = factors.quote(low, column, style), factors.quote(high, column, style)
    if low_value.split("\ue001")[-1] == high_value.split("\ue001")[-1]:
        words = {"convergence/epochs_to_best": "epochs to the best epoch", "overfit/gap": "loss gap"}
        return f"No level stands out in its {words.get(column, results.metric_name(column))} ({low_value} everywhere)."
    return sentence(
        results.quote_code("factors", low, "level"), low_value, results.quote_code("factors", high, "level"), high_value
    )


def recommendation(results: QuotedResults, axis: str) -> str:
    """What follows for the choice of a level, in words that the test allows."""
    summary = results.table("factor_summary")
    i = summary.first(axis=axis)
    if i is None or pd.isna(summary.frame.at[i, "best_level"]):
        return "No level can be recommended: there is nothing to compare.\n"
    row = summary.frame.loc[i]
    best = results.quote_code("factor_summary", i, "best_level")
    pairs = results.interacting(axis)
    others = [pair["axis_b"] if pair["axis"] == axis else pair["axis"] for _, pair in pairs.iterrows()]
    rules = {
        "distinct": lambda: _better(results, axis, row["best_level"], best),
        "partly": lambda: _better(results, axis, row["best_level"], best),
        "some": lambda: [
            f"{best} has the {results.top} mean, but is not significantly different from any other level."
        ],
        "undecided": lambda: [
            f"{best} has the {results.top} mean, but no other level is significantly different"
            + (" on average." if others else ": choose by cost or convenience.")
        ],
        "confounded": lambda: [
            f"No level can be recommended: the {results.axis_name(axis)} goes together "
            "with another hyperparameter, and the design cannot separate them."
        ],
        "described": lambda: [
            f"{best} has the {results.top} mean. Too few runs share a setting to say whether that is more than chance."
            if results.one_seed
            else f"{best} has the {results.top} mean; there are too few runs for a test."
        ],
    }
    said = rules.get(row["relation"], rules["described"])()
    if others:
        said.append(f"Its effect depends on the {listed(map(results.axis_name, others))}: choose them together.")
    edge = row.get("edge")
    if isinstance(edge, str) and i in results.edges.index:
        beyond = "lower" if edge == "low" else "higher"
        said.append(f"It lies at the {edge} end of the values tried; {beyond} ones are worth a try.")
    if row.get("raw_and_adjusted") == "disagree" and row["relation"] in ("distinct", "partly"):
        said.append("The raw means put another level first, because the other settings differ between levels.")
    if isinstance(row.get("note"), str) and not results.one_seed:
        said.append(summary.quote(i, "note", "sentence"))
    return paragraph(*said)


def _better(results: QuotedResults, axis: str, level: str, best: str) -> list[str]:
    """The levels that the best one beats, with the numbers of the closest; the levels that it does not."""
    table = results.table("findings")
    beaten, even = [], []
    for i, row in table.where(axis=axis, kind="levels").iterrows():
        if level not in (row["a"], row["b"]):
            continue
        first = row["a"] == level
        other = "b" if first else "a"
        wins = row["verdict"] == ("better" if first else "worse")
        (beaten if wins else even).append((abs(row["estimate"]), i, results.quote_code("findings", i, other), first))
    if not beaten:
        return [f"{best} has the {results.top} mean, but is not significantly different from any other level."]
    _, i, name, first = min(beaten)
    ends = ("low", "high") if (table.frame.at[i, "estimate"] > 0) else ("high", "low")
    numbers = (
        f"{table.quote(i, 'estimate', 'size')} in adjusted means, interval {table.quote(i, ends[0], 'size')} to "
        f"{table.quote(i, ends[1], 'size')}, corrected p {table.quote(i, 'p_study', 'p_equals')}"
    )
    if len(beaten) == 1:
        said = [f"{best} is better than {name} ({numbers})."]
    else:
        all_others = (
            "every other level"
            if not even
            else listed([found[2] for found in sorted(beaten, key=lambda found: found[1])])
        )
        said = [f"{best} is better than {all_others}; the closest of these is {name} ({numbers})."]
    if even:
        said.append(f"It is not significantly different from {listed([found[2] for found in even], 'or')}.")
    return said

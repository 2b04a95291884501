"""What a further run may be expected to reach."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, paragraph
from segsweep.report.quoted_results import QuotedResults


class ExpectedPerformance(Section):
    """What a further run may be expected to reach."""

    title: ClassVar[str] = "Expected performance"
    order: ClassVar[int] = 132


def write(results: QuotedResults) -> str:
    """If a setting was chosen: what a further run may be expected to reach."""
    i, ranking = results.best, results.table("ranking")
    if i is None:
        return ""
    confirmations = results.table("confirmations")
    fresh = confirmations.first(cell=str(ranking.frame.at[i, "cell"]))
    said = []
    if fresh is not None and pd.notna(confirmations.frame.at[fresh, "mean"]):
        interval = results.interval("confirmations", fresh, "low", "high")
        said.append(
            f"On fresh seeds {results.quote_code('confirmations', fresh, 'label')} reaches "
            f"{confirmations.quote(fresh, 'mean', 'metric')}" + (f" (interval {interval})." if interval else ".")
        )
    else:
        interval = results.interval("ranking", i, "low", "high")
        mean, single = ranking.quote(i, "mean", "metric"), ranking.frame.at[i, "n"] == 1
        if single:
            said.append(f"The one run of the best setting reached {mean}.")
        else:
            said.append(
                f"Runs of the best setting reach {mean} on average" + (f" (interval {interval})." if interval else ".")
            )
        if results.analysis["n_cells"] > 1:
            less = "a somewhat higher value" if results.minimize else "somewhat less"
            said.append(
                f"It was chosen as the best of {results.quote_analysis('n_cells', 'plural:setting')} by the same "
                f"{'run' if single else 'runs'}, so expect {less} of a new one."
            )
    return blocks(paragraph(*said), best_of_many(results))


def best_of_many(results: QuotedResults) -> str:
    """If trials were drawn at random: the best score to expect of a number of trials."""
    found = results.analysis.get("expected_best") or {}
    table = results.table("expected_best")
    if not found.get("valid") or not len(table):
        return ""
    frame = table.frame
    last = int(frame.index[-1])
    half = int(frame.index[(frame["trials"] - frame["trials"].iloc[-1] / 2).abs().argmin()])
    paper, ax = theme.plt.subplots(figsize=(5.6, 3.0))
    run_figures.expected_best(ax, frame, results.metric, results.names)
    caption = results.caption(ax, "{y} by {x}. The band covers ninety per cent of such searches.")
    return blocks(
        paragraph(
            f"A random search of {table.quote(half, 'trials', 'plural:trial')} "
            f"is expected to find {table.quote(half, 'expected', 'metric')}, "
            f"one of {table.quote(last, 'trials', 'int')} {table.quote(last, 'expected', 'metric')}."
        ),
        results.figure("expected_best", paper, caption),
    )

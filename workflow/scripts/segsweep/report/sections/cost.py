"""Time, memory and parameters, and what a score costs."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, paragraph, was
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.value_styles import style_of

RESTLESS = 0.2  # of the median, the range of the middle half of a model's times


class Cost(Section):
    """Time, memory and parameters, and what a score costs."""

    title: ClassVar[str] = "Cost"
    order: ClassVar[int] = 150


def write(results: QuotedResults) -> str:
    """If costs were measured: time, memory, and what a score costs."""
    runs = results.table("runs")
    column = "cost/train_seconds"
    if column not in runs.frame or not runs.frame[column].notna().any():
        return ""
    known = runs.frame[column].dropna()
    memory = "cost/peak_memory_mb"
    said = [
        f"Training took {runs.aggregate('sum', column, 'duration')} in all, "
        f"summed over runs, and {runs.aggregate('mean', column, 'duration')} "
        f"a run on average.",
    ]
    if len(known) > 1 and known.max() > 2 * known.min():
        said.append(
            f"The shortest run took {runs.aggregate('least', column, 'duration')}, "
            f"the longest {runs.aggregate('most', column, 'duration')}."
        )
    if memory in runs.frame and runs.frame[memory].notna().any():
        said.append(f"The largest peak of memory was {runs.aggregate('most', memory, 'megabytes')}.")
    parameters = runs.frame.get("cost/parameters", pd.Series(dtype=float)).dropna()
    if len(parameters):
        low, high = (runs.aggregate(how, "cost/parameters", "millions") for how in ("least", "most"))
        same = parameters.min() == parameters.max()
        said.append(
            f"The networks have {low} parameters." if same else f"The networks have {low} to {high} parameters."
        )
    said += of_models(results)
    usable = (
        results.usable.dropna(subset=[results.metric]) if results.metric in results.usable else results.usable.iloc[:0]
    )
    figure = ""
    if column in usable and usable[column].nunique() > 2:
        paper, ax = theme.plt.subplots(figsize=(5.2, 3.3))
        _, front = run_figures.cost_against_score(
            ax, usable, column, results.metric, minimize=results.minimize, names=results.names
        )
        line = "The line joins the runs that no other run is ahead of in both."
        said_of = line if front > 1 else "No other run is ahead of the marked one in either."
        figure = results.figure("cost", paper, results.caption(ax, "{y} against {x}. {line}", line=said_of))
    return blocks(paragraph(*said), figure)


def of_models(results: QuotedResults) -> list[str]:
    """If models were measured: operations and time for an image, and what on."""
    models = results.table("models")
    if not len(models):
        return []
    ranges = {}
    for column in ("cost/gflops_per_image", "cost/seconds_per_image"):
        low, high = (models.aggregate(how, column, style_of(column)) for how in ("least", "most"))
        same = models.frame[column].min() == models.frame[column].max()
        ranges[column] = low if same else f"{low} to {high}"
    one_device = models.frame["device"].nunique() == 1
    restless = models.frame["spread"].max() > RESTLESS
    return [
        f"{models.aggregate('count', '', 'plural:model')} {was(len(models))} measured in evaluation, see `models.csv`: "
        f"{' and '.join(f'{results.metric_name(column)} {text}' for column, text in ranges.items())}, "
        + (f"on {models.quote(0, 'device')}." if one_device else "on several devices, whose times are not alike.")
        + (
            f" While this was timed, the machine was busy: the middle half of the batches of one model "
            f"spread over {models.aggregate('most', 'spread', 'percent')} of their median."
            if restless
            else ""
        )
    ]

"""Score and loss over the epochs."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, listed, was
from segsweep.report.quoted_results import QuotedResults

IN_COLOUR = 5


class LearningCurves(Section):
    """Score and loss over the epochs."""

    title: ClassVar[str] = "Learning curves"
    order: ClassVar[int] = 940


def write(results: QuotedResults) -> str:
    """If there are curves: score and loss over the epochs."""
    frame = results.table("ranking").frame
    cells = list(frame.loc[frame["rank"].notna(), "cell"])
    epochs = results.epochs
    if epochs.empty or not cells:
        return ""
    columns = [name for name in dict.fromkeys([results.metric, "val/loss", "train/loss"]) if name in epochs]
    columns = [name for name in columns if epochs[name].notna().any()]
    if not columns:
        return ""
    shown = cells[:IN_COLOUR]
    others = run_figures.subsample(cells[IN_COLOUR:])
    names = dict(zip(frame["cell"], frame["label"], strict=True))
    # Means of the settings in colour are over usable runs; a run that diverged would bend them.
    used = epochs[epochs["cell"].isin(others) | epochs["run"].isin(results.usable["run"])]
    paper, axes = theme.grid_of(len(columns), width=3.6, height=3.0)
    captions = []
    for ax, column in zip(axes, columns, strict=True):
        run_figures.learning(ax, used, column, [(cell, names[cell]) for cell in shown], others, results.names)
        captions.append(results.caption(ax, "{y}"))
    handles, labels = axes[0].get_legend_handles_labels()
    labels = [theme.wrap(label) for label in labels]
    paper.tight_layout()
    paper.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=1 if max(map(len, labels)) > 40 else 2,
        fontsize=8,
    )
    several = results.usable["cell"].isin(shown) & results.usable["cell"].duplicated()
    seeds = " Bands span the runs of a setting." if several.any() else ""
    rest = " Other settings are grey." if others else ""
    if len(cells) > len(shown) + len(others):
        rest = " Of the other settings an evenly spaced choice is grey; not all are drawn."
    first = listed([captions[0], *[text[:1].lower() + text[1:] for text in captions[1:]]])
    caption = f"{first} by epoch. The first settings of the ranking are in colour.{rest}{seeds}"
    return blocks(late(results), results.figure("learning_curves", paper, caption))


def late(results: QuotedResults) -> str:
    """If runs were at their best in their last epoch: training was not over."""
    runs = results.table("runs")
    usable = runs.frame[runs.frame["status"].isin(["finished", "early_stopped"])]
    at_end = int((usable["best_epoch"] == usable["epochs"]).sum()) if "best_epoch" in usable else 0
    if not len(usable) or not at_end:
        return ""
    where = "status=finished,early_stopped"
    number = runs.aggregate("count", where=f"{where} & best_epoch=@epochs")
    of = runs.aggregate("count", style="plural:run", where=where)
    follows = " Their curves had not levelled off." if at_end > 0.5 * len(usable) else ""
    return f"Of {of}, {number} {was(at_end)} at {'its' if at_end == 1 else 'their'} best in the last epoch.{follows}\n"

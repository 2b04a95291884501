"""How well the best setting finds each class, and what it takes it for."""

import json
from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.io import regular
from segsweep.report.figures import theme
from segsweep.report.figures.confusion import confusion, confusion_size
from segsweep.report.markdown import blocks, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_CLASSES, MOST_DRAWN, MOST_NAMED = 40, 30, 3
LEAST_CONFUSED = 0.01


class Classes(Section):
    """How well the best setting finds each class, and what it takes it for."""

    title: ClassVar[str] = "Results by class"
    order: ClassVar[int] = 100


def write(results: QuotedResults) -> str:
    """If scores of classes are known: a table of each score, the confusions that weigh most, a heatmap, the images."""
    frame = results.table("class_scores").frame
    if frame.empty:
        return ""
    tables = [table_of(results, part) for _, part in frame.groupby(_score(frame), sort=False)]
    return blocks(
        paragraph(intro(results)),
        *tables,
        paragraph(lowest(results), most_confused(results), most_pixels(results), where_images_are(results)),
        heatmap(results),
    )


def _score(frame: pd.DataFrame) -> pd.Series:
    """The column of each row without its class: `val/iou`."""
    return frame["column"].map(lambda column: "/".join(column.split("/")[:2]))


def _name(results: QuotedResults, i: int) -> str:
    return results.quote_code("class_scores", i, "class")


def intro(results: QuotedResults) -> str | None:
    """Always: which runs the scores are of."""
    table = results.table("class_scores")
    if not results.analysis.get("best"):
        return None
    runs = table.quote(0, "best_n", "plural:run")
    best_of = "its only run" if table.frame.at[0, "best_n"] == 1 else f"each of {runs}"
    return (
        f"The scores are those of `{results.quote_analysis('best.label', 'code')}` at the best epoch of "
        f"{best_of}; beside them stands the mean over all "
        f"{table.quote(0, 'all_n', 'plural:setting')}."
    )


def table_of(results: QuotedResults, part: pd.DataFrame) -> str:
    """A table of one score by class."""
    table = results.table("class_scores")
    shown = part if len(part) <= MOST_CLASSES else part.nsmallest(MOST_CLASSES, "best")
    has = {name: part[name].notna().any() for name in ("share", "best_sd", "recall", "precision", "confused_with")}
    head = ["Class", *(["Share of pixels"] if has["share"] else []), results.metric_name(_score(part).iloc[0])]
    head += ["SD of runs"] if has["best_sd"] else []
    head += ["All settings"]
    head += [name.capitalize() for name in ("recall", "precision") if has[name]]
    head += ["Most often taken for"] if has["confused_with"] else []
    rows = []
    for i, row in shown.iterrows():
        cells = [_name(results, i)]
        cells += [table.quote(i, "share", "percent:1")] if has["share"] else []
        cells += [table.quote(i, "best", "metric")]
        cells += [table.quote(i, "best_sd", "metric")] if has["best_sd"] else []
        cells += [table.quote(i, "all", "metric")]
        cells += [table.quote(i, name, "percent:1") for name in ("recall", "precision") if has[name]]
        if has["confused_with"]:
            taken = pd.notna(row["confused_with"])
            name, share = (
                results.quote_code("class_scores", i, "confused_with"),
                table.quote(i, "confused", "percent:1"),
            )
            cells.append(f"{name}, {share}" if taken else "–")
        rows.append(cells)
    rest = "These have the lowest scores; `class_scores.csv` has all classes.\n" if len(shown) < len(part) else ""
    left = {0, len(head) - 1} if has["confused_with"] else {0}
    return blocks(markdown_table(head, rows, right=[i for i in range(len(head)) if i not in left]), rest)


def lowest(results: QuotedResults) -> str | None:
    """If there are several classes in the ground truth: those with the lowest scores, and their share of the pixels."""
    table = results.table("class_scores")
    frame = table.frame[_score(table.frame) == _score(table.frame).iloc[0]]
    known = frame[frame["best"].notna() & ~frame["share"].eq(0)]
    if len(known) < 3:
        return None
    named = known.nsmallest(min(MOST_NAMED, len(known) - 1), "best").index
    said = []
    for i in named:
        share = f", {table.quote(i, 'share', 'percent:1')} of the pixels" if pd.notna(frame.at[i, "share"]) else ""
        said.append(f"{_name(results, i)} ({table.quote(i, 'best', 'metric')}{share})")
    return f"The classes with the lowest {results.metric_name(_score(frame).iloc[0])} are {listed(said)}."


def most_confused(results: QuotedResults) -> str | None:
    """If classes are taken for others: the largest shares of a class that are."""
    table = results.table("class_scores")
    frame = table.frame
    if "confused" not in frame:
        return None
    found = frame[frame["confused"] >= LEAST_CONFUSED].nlargest(MOST_NAMED, "confused")
    if found.empty:
        return None
    said = [
        f"{table.quote(i, 'confused', 'percent:1')} of the pixels of {_name(results, i)} are taken for "
        f"{results.quote_code('class_scores', i, 'confused_with')}"
        for i in found.index
    ]
    return f"{'The largest confusions' if len(said) > 1 else 'The largest confusion'}: {listed(said)}."


def most_pixels(results: QuotedResults) -> str | None:
    """If several classes were counted: the confusion that most of all wrong pixels belong to."""
    table = results.table("confusion")
    if not len(table):
        return None
    wrong = table.frame[(table.frame["class"] != table.frame["predicted"]) & (table.frame["pixels"] > 0)]
    if wrong.empty:
        return None
    i = int(wrong["pixels"].idxmax())
    return (
        f"Counted in pixels, most are wrong where {results.quote_code('confusion', i, 'class')} is taken for "
        f"{results.quote_code('confusion', i, 'predicted')} ({table.quote(i, 'pixels', 'int')} pixels, summed over the "
        "runs)."
    )


def where_images_are(results: QuotedResults) -> str | None:
    """If predictions of the best setting were drawn: where they are."""
    file = results.folder / "images" / "images.json"
    best = results.analysis.get("best") or {}
    if not file.is_file() or not best:
        return None
    entries = json.loads(regular(file).read_text(encoding="utf-8"))
    drawn = [one for one in entries if one.get("cell") == best.get("cell")]
    return "The section Images shows predictions of this setting beside the ground truth." if drawn else None


def heatmap(results: QuotedResults) -> str:
    """If three to thirty classes were counted: shares of each class by what it is taken for."""
    frame = results.table("confusion").frame
    if frame.empty:
        return ""
    names = list(dict.fromkeys(frame["class"]))
    if not 3 <= len(names) <= MOST_DRAWN:
        return ""
    shares = frame.pivot(index="class", columns="predicted", values="share").reindex(index=names, columns=names)
    paper, axes = theme.grid_of(1, width=confusion_size(names)[0], height=confusion_size(names)[1])
    confusion(axes[0], shares.to_numpy(float), names)
    paper.tight_layout()
    return results.figure(
        "confusion",
        paper,
        "Confusion: of the pixels of each class of the ground truth (a row), the per cent that are predicted as each "
        "class (a column).",
    )

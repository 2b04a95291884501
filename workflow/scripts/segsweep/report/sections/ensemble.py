"""The ensemble: its score beside those of its members and of the single model."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

ENSEMBLE = "ensemble.json"


class Ensemble(Section):
    """The ensemble: its score beside those of its members and of the single model."""

    title: ClassVar[str] = "Ensemble"
    order: ClassVar[int] = 90


def write(results: QuotedResults) -> str:
    """If there is an ensemble."""
    table = results.table("ensemble")
    if not len(table):
        return ""
    scores = _shown(results)
    rows = []
    for i, row in table.frame.iterrows():
        setting = results.table("ranking").first(cell=str(row["cell"]))
        rows.append(
            [
                results.quote_code("ranking", setting, "label")
                if setting is not None
                else results.quote_code("ensemble", i, "cell"),
                table.quote(i, "method"),
                table.quote(i, "members", "int"),
                *[table.quote(i, name, "metric") for name in scores],
            ]
        )
    alone = "single model" in set(table.frame["method"])
    said = paragraph(
        "The members of the ensemble were trained on different folds. "
        f"They are scored on {_images(results)} that none of them was trained on.",
        "These are the test split, which had no part in choosing settings or checkpoints. The members' folds pool "
        "training and validation images; the single model was trained on training images only."
        if any(name.startswith("test/") for name in scores)
        else "No test split is scored. Each member leaves out a part of the training split, which chooses its "
        "checkpoint; all are scored on the validation split, which chose the setting of all of them.",
        "The single model's checkpoint was chosen on it as well, which flatters its score; but it was trained on the "
        "whole training split, each member on a part of it."
        if alone and any(name.startswith("val/") for name in scores)
        else None,
        None
        if alone
        else "There is no single model of this setting to compare with: all were trained on images of this split.",
    )
    head = ["Setting", "Method", "Members", *map(results.metric_name, scores)]
    text = paragraph(_votes(results), together(results, scores[0]) if scores else None, _left_out(results))
    rest = "All scores are in `ensemble.csv`, those of each image in `ensemble_images.csv`.\n"
    return blocks(said, text, markdown_table(head, rows, right=range(2, len(head))), rest)


def _shown(results: QuotedResults) -> list[str]:
    """Scores to show: the first, by which members are compared, and those that the study names in `also_report`.

    They are those of the split that the ensemble is scored on, whichever split the study names them with.
    """
    frame = results.table("ensemble").frame
    found = [name for name in frame.columns if name.startswith(("val/", "test/")) and frame[name].notna().any()]
    wanted = {name.partition("/")[2] for name in (results.metric, *(results.study.get("also_report") or []))}
    return found[:1] + [name for name in found[1:] if name.partition("/")[2] in wanted]


def together(results: QuotedResults, score: str) -> str:
    """If there is a score: the ensemble's beside its members' and the single model's."""
    table = results.table("ensemble")
    methods = list(table.frame["method"])
    members = [method for method in methods if method.startswith("member ")]
    said = f"The {results.metric_name(score)} of the ensemble is {table.quote(0, score, 'metric')}"
    if len(members) > 1:
        where = f"method={','.join(members)}"
        mean, least, most = (table.aggregate(how, score, "metric", where) for how in ("mean", "least", "most"))
        said += f", that of its members {mean} on average, from {least} to {most}"
    if "single model" in methods:
        said += f"; the single model has {table.quote(methods.index('single model'), score, 'metric')}"
    return said + "."


def _images(results: QuotedResults) -> str:
    if not (results.folder / ENSEMBLE).is_file():
        return "images"
    return results.ledger.quote(ENSEMBLE, "", "images", "plural:image")


def _votes(results: QuotedResults) -> str | None:
    """If members vote: how many have to agree."""
    if not (results.folder / ENSEMBLE).is_file() or results.ledger.value(ENSEMBLE, column="method") != "vote":
        return None
    votes = results.ledger.quote(ENSEMBLE, "", "min_votes", "int")
    return f"A prediction needs the votes of {votes} of {results.table('ensemble').quote(0, 'members', 'int')} members."


def _left_out(results: QuotedResults) -> str | None:
    """If members failed or are not trained."""
    if not (results.folder / ENSEMBLE).is_file():
        return None
    gone = results.ledger.value(ENSEMBLE, column="left_out")
    if not gone:
        return None
    names = [
        f"`{results.ledger.quote(ENSEMBLE, '', f'left_out[{i}].run', 'code')}` "
        f"({results.ledger.quote(ENSEMBLE, '', f'left_out[{i}].status')})"
        for i in range(len(gone))
    ]
    return f"Left out, because they failed or are not trained: {listed(names)}."

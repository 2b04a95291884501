"""Where each row of the ranking comes from: its runs, and the folders that hold them."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, markdown_table, paragraph
from segsweep.report.quoted_results import NOT_COMPARED, QuotedResults

MOST_ROWS = 60


class RunFolders(Section):
    """Where each row of the ranking comes from: its runs, and the folders that hold them."""

    title: ClassVar[str] = "Runs behind the ranking"
    order: ClassVar[int] = 945


def write(results: QuotedResults) -> str:
    """If there are ranked settings: each run with its score and the folder of its last segment."""
    ranking, runs = results.table("ranking"), results.table("runs")
    rank = dict(zip(ranking.frame["cell"], ranking.frame.index, strict=True))
    known = runs.frame[runs.frame["cell"].isin(ranking.frame.loc[ranking.frame["rank"].notna(), "cell"])]
    if "role" in known:
        known = known[~known["role"].isin(NOT_COMPARED)]
    if known.empty:
        return ""
    known = known.assign(place=known["cell"].map(rank)).sort_values(["place", "run"], kind="stable")
    folders = "segments" in known and known["segments"].notna().any()
    rows = []
    for i, row in known.head(MOST_ROWS).iterrows():
        fields = [
            ranking.quote(int(row["place"]), "rank", "int"), f"`{runs.quote(int(i), 'run', 'code')}`",
            runs.quote(int(i), "status", "ending"), runs.quote(int(i), results.metric, "metric"),
        ]  # fmt: skip
        rows.append([*fields, f"`{runs.quote(int(i), 'segments', 'last_code')}`"] if folders else fields)
    head = ["Rank", "Run", "Ended", results.metric_name()] + (["Last segment"] if folders else [])
    return blocks(
        paragraph(
            "The folders lie in `results/segments`; earlier segments of a run are in `runs.csv`." if folders else None,
            "The program's own files are in `out` of each." if folders and results.study.get("command") else None,
            "Runs of further settings are in `runs.csv`." if len(known) > MOST_ROWS else None,
        ),
        markdown_table(head, rows, right=[0, 3]),
    )

"""Several objectives: the front, how sure it is, its knee, and the cheapest setting of the first group."""

from itertools import combinations
from typing import ClassVar

from segsweep.analysis.measures import MODEL_COSTS
from segsweep.config.components import Section
from segsweep.config.objectives import MINIMIZE
from segsweep.report.figures import theme
from segsweep.report.figures.trade_off import trade_off
from segsweep.report.markdown import be, blocks, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.value_styles import style_of

MOST_ROWS = 20
LEAST_SHARE = 0.05  # of a setting beside the front that the table shows


class TradeOff(Section):
    """Several objectives: the front, how sure it is, its knee, and the cheapest setting of the first group."""

    title: ClassVar[str] = "Trade-off"
    order: ClassVar[int] = 45


def write(results: QuotedResults) -> str:
    """If the study has several objectives: its front."""
    if not results.plan.objectives or not len(results.table("front")):
        return ""
    return blocks(
        paragraph(wanted(results), size(results), results.explain("front")),
        paragraph(*certainty(results)),
        table(results),
        paragraph(knee(results), cheapest(results)),
        figure(results),
    )


def wanted(results: QuotedResults) -> str:
    """Always: the objectives, and which end of each is wanted."""
    ends = {name: "low" if end == MINIMIZE else "high" for name, end in results.plan.objectives.items()}
    parts = (f"{results.metric_name(name)} ({end} is wanted)" for name, end in ends.items())
    return f"The objectives of the study are {listed(parts)}; runs are ranked by {results.metric_name()}."


def size(results: QuotedResults) -> str:
    """Always: how many settings are on the front."""
    front = results.table("front")
    members = (front.frame["on_front"] == "True").sum()
    left_out = front.frame["on_front"].isna().sum()
    said = (
        f"Of {front.aggregate('count', '', 'plural:ranked setting')}, {front.aggregate('count', '', 'int', ON_FRONT)} "
        f"{be(members)} on the front of the means."
    )
    if left_out:
        said += (
            f" {front.aggregate('count', '', 'plural:setting', 'on_front=')} with a run that failed, or without a "
            f"value of an objective, {be(left_out)} compared with none."
        )
    return said


ON_FRONT = "on_front=True"


def certainty(results: QuotedResults) -> list[str]:
    """Always: in which share of draws settings are on the front, or that it is not known."""
    about = results.analysis["front"]
    if about["why"]:
        return [results.quote_analysis("front.why", "sentence")]
    unit = f"plural:{about['unit']}"
    has_model_costs = any(column.name in results.plan.objectives for column in MODEL_COSTS)
    return [
        f"How sure that is: {results.quote_analysis('front.draws', 'int')} draws of "
        f"{results.quote_analysis('front.blocks', unit)} with replacement.",
        results.explain("front_shares"),
        *["Costs of models were measured once, and are the same in all draws: noise of a measured time is in no share."]
        * has_model_costs,
    ]


def table(results: QuotedResults) -> str:
    """Members of the front, and settings that are on it in some of the draws."""
    front, names = results.table("front"), list(results.plan.objectives)
    frame = front.frame
    members = frame["on_front"] == "True"
    shares = frame["share"].notna().any()
    rows = frame[members | (frame["share"] >= LEAST_SHARE)] if shares else frame[members]
    other = next((name for name in names if name != results.metric), results.metric)
    rows = rows.sort_values(other, kind="stable")
    columns = [("Setting", lambda i: results.quote_code("front", i, "label"))]
    for name in names:
        style = style_of(name)
        columns.append((results.metric_name(name), lambda i, name=name, style=style: front.quote(i, name, style)))
        if frame.loc[rows.index, f"{name} low"].notna().any():
            ends = (f"{name} low", f"{name} high", style)
            columns.append(("Interval", lambda i, ends=ends: results.interval("front", i, *ends) or "–"))
    columns.append(("On the front", lambda i: "yes" if members[i] else "no"))
    if shares:
        columns.append(("How often", lambda i: front.quote(i, "share", "percent")))
    columns.append(("Rank", lambda i: front.quote(i, "rank", "int")))
    shown = [[write(int(i)) for _, write in columns] for i in rows.index[:MOST_ROWS]]
    rest = "The table shows the first of them; all settings are in `front.csv`.\n" if len(rows) > MOST_ROWS else ""
    text = ("Setting", "On the front")
    right = [i for i, (name, _) in enumerate(columns) if name not in text]
    return blocks(markdown_table([name for name, _ in columns], shown, right), rest)


def _values(results: QuotedResults, row: int) -> str:
    front = results.table("front")
    return listed(
        f"{results.metric_name(name)} {front.quote(row, name, style_of(name))}" for name in results.plan.objectives
    )


def knee(results: QuotedResults) -> str | None:
    """If the front has a knee: which setting it is."""
    row = results.table("front").first(knee="True")
    if row is None:
        return None
    label = results.quote_code("front", row, "label")
    return f"The knee of the front is {label}: {_values(results, row)}. {results.explain('knee')}"


def cheapest(results: QuotedResults) -> str | None:
    """If the ranking has groups: which setting of the first group has the best mean of each other objective."""
    frame, said = results.table("front").frame, []
    groups = results.table("ranking").frame["group"]
    if (groups == 1).sum() == 1:
        return "The first group of the ranking holds a single setting, so there is no cheaper one in it."
    for name, direction in results.plan.objectives.items():
        rows = [i for i in frame.index if name in str(frame.at[i, "cheapest"]).split(" ")]
        if name == results.metric or not rows:
            continue
        end = "lowest" if direction == MINIMIZE else "highest"
        label = results.quote_code("front", rows[0], "label")
        said.append(
            f"Of the first group of the ranking, {label} has the {end} {results.metric_name(name)}: "
            f"{_values(results, rows[0])}."
        )
    return f"{' '.join(said)} {results.explain('cheapest')}" if said else None


def figure(results: QuotedResults) -> str:
    """If two settings or more are compared: two objectives against each other, or each pair of more."""
    frame = results.table("front").frame
    compared = frame[frame["on_front"].notna()]
    if len(compared) < 2:
        return ""
    metric, others = results.metric, [name for name in results.plan.objectives if name != results.metric]
    several = len(others) > 1
    pairs = [(across, metric) for across in others]
    pairs += list(combinations(others, 2)) if several else []
    paper, axes = theme.grid_of(len(pairs)) if several else theme.grid_of(1, width=5.6, height=3.6)
    for ax, (across, up) in zip(axes, pairs, strict=True):
        trade_off(ax, compared, across, up, line=not several, names=results.names)
    for ax in axes[1:]:
        ax.get_legend().remove()
    paper.tight_layout()
    bars = "bars are intervals of the mean" if compared[f"{metric} low"].notna().any() else "there are no intervals"
    if several:
        said = f"Settings by each pair of objectives; the front is that of all objectives together, {bars}."
        return results.figure("trade_off", paper, said)
    several_members = (compared["on_front"] == "True").sum() > 1
    front = "the line joins the front" if several_members else "the front is a single one"
    pattern = "{y} against {x}, a point for each setting; {front}, {bars}."
    return results.figure("trade_off", paper, results.caption(axes[0], pattern, front=front, bars=bars))

"""What follows: best configuration, expected performance, cost, runs that ended otherwise, what to try next."""

import pandas as pd

from .. import wording
from ..figures import look
from ..figures import runs as drawings
from .context import Context, blocks, bullets, markdown_table, paragraph

MOST_PARALLEL, MOST_MISSING, MOST_EDGES = 400, 40, 6


def best_configuration(ctx: Context) -> str:
    """If a setting was chosen: its values, its scores, what it rests on."""
    i, ranking = ctx.best, ctx.table("ranking")
    if i is None:
        return ""
    row = ranking.frame.loc[i]
    axes = [axis for axis in ctx.axes if axis in row and pd.notna(row[axis])]
    rows = [[wording.capital(ctx.a(axis)), f"`{axis}`", ctx.code("ranking", i, axis)] for axis in axes]
    others = [name for name in ctx.study.get("also_report") or [] if name in ranking.frame and pd.notna(row[name])]
    scores = wording.listed(f"a {ctx.m(name)} of {ranking.say(i, name, 'metric')}" for name in others)
    return blocks(
        "## Best configuration\n",
        paragraph(
            f"{ctx.code('ranking', i, 'label')} was chosen by {ctx.fact('best.chosen_by')}."
            if (ctx.analysis.get("best") or {}).get("chosen_by")
            else None,
            f"It ranks {ranking.say(i, 'rank', 'int')} of {ranking.all('count', 'rank', 'int')}, with a {ctx.m()} of "
            f"{ranking.say(i, 'mean', 'metric')}" + (f" and {scores}." if others else "."),
            f"Its best run, `{ranking.say(i, 'best_run', 'code')}`, has {ranking.say(i, 'best_score', 'metric')}."
            if row["n"] > 1
            else None,
        ),
        markdown_table(["Axis", "Key", "Value"], rows) if rows else "",
        parallel(ctx),
    )


def parallel(ctx: Context) -> str:
    """If three axes or more vary: all runs through their settings to their scores."""
    runs = ctx.usable.dropna(subset=[ctx.metric])
    axes = [axis for axis in ctx.axes if axis in runs and runs[axis].nunique() > 1][:8]
    if len(axes) < 3 or len(runs) < 5:
        return ""
    few = runs.iloc[:: -(-len(runs) // MOST_PARALLEL)]
    paper, ax = look.plt.subplots(figsize=(1.6 + 1.35 * len(axes), 3.4))
    orders = {axis: None if ctx.binned(axis) else ctx.levels(axis) for axis in axes}
    drawings.parallel(ax, few, orders, ctx.metric, minimize=ctx.minimize, among=ctx.axes)
    part = "Every run" if len(few) == len(runs) else "An evenly spaced choice of the runs"
    names = wording.listed(map(ctx.a, axes))
    return ctx.figure(
        "parallel", paper, f"{part} as a line through {names} to the {ctx.m()}; the best tenth is drawn in colour."
    )


def optimal(ctx: Context) -> str:
    """If there is a best.yaml: the setting, ready to copy."""
    path = ctx.results / "best.yaml"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8").rstrip()
    return blocks("## Optimal configuration\n", "From `best.yaml`, ready to copy:\n", f"```yaml\n{text}\n```\n")


def expected(ctx: Context) -> str:
    """If a setting was chosen: what a further run may be expected to reach."""
    i, ranking = ctx.best, ctx.table("ranking")
    if i is None:
        return ""
    confirmations = ctx.table("confirmations")
    fresh = confirmations.first(cell=str(ranking.frame.at[i, "cell"]))
    said = []
    if fresh is not None and pd.notna(confirmations.frame.at[fresh, "mean"]):
        interval = ctx.interval("confirmations", fresh, "low", "high")
        said.append(
            f"On fresh seeds {ctx.code('confirmations', fresh, 'label')} reaches "
            f"{confirmations.say(fresh, 'mean', 'metric')}" + (f" (interval {interval})." if interval else ".")
        )
    else:
        interval = ctx.interval("ranking", i, "low", "high")
        mean, single = ranking.say(i, "mean", "metric"), ranking.frame.at[i, "n"] == 1
        if single:
            said.append(f"The one run of the best setting reached {mean}.")
        else:
            said.append(
                f"Runs of the best setting reach {mean} on average" + (f" (interval {interval})." if interval else ".")
            )
        if ctx.analysis["n_cells"] > 1:
            less = "a somewhat higher value" if ctx.minimize else "somewhat less"
            said.append(
                f"It was chosen as the best of {ctx.fact('n_cells', 'plural:setting')} by the same "
                f"{'run' if single else 'runs'}, so expect {less} of a new one."
            )
    return blocks("## Expected performance\n", paragraph(*said), best_of_many(ctx))


def best_of_many(ctx: Context) -> str:
    """If the study draws at random: the best score to expect of so many trials."""
    found = ctx.analysis.get("expected_best") or {}
    table = ctx.table("expected_best")
    if not found.get("valid") or not len(table):
        return ""
    frame = table.frame
    last = int(frame.index[-1])
    half = int(frame.index[(frame["trials"] - frame["trials"].iloc[-1] / 2).abs().argmin()])
    paper, ax = look.plt.subplots(figsize=(5.6, 3.0))
    drawings.expected_best(ax, frame, ctx.metric)
    caption = ctx.caption(ax, "{y} by {x}. The band holds ninety per cent of such searches.")
    return blocks(
        paragraph(
            f"A random search of {table.say(half, 'trials', 'plural:trial')} "
            f"is expected to find {table.say(half, 'expected', 'metric')}, "
            f"one of {table.say(last, 'trials', 'int')} {table.say(last, 'expected', 'metric')}."
        ),
        ctx.figure("expected_best", paper, caption),
    )


def cost(ctx: Context) -> str:
    """If costs were measured: time, memory, and what a score costs."""
    runs = ctx.table("runs")
    column = "cost/train_seconds"
    if column not in runs.frame or not runs.frame[column].notna().any():
        return ""
    known = runs.frame[column].dropna()
    memory = "cost/peak_memory_mb"
    said = [
        f"Training took {runs.all('sum', column, 'duration')} in all, "
        f"summed over runs, and {runs.all('mean', column, 'duration')} "
        f"a run on average.",
    ]
    if len(known) > 1 and known.max() > 2 * known.min():
        said.append(
            f"The shortest run took {runs.all('least', column, 'duration')}, "
            f"the longest {runs.all('most', column, 'duration')}."
        )
    if memory in runs.frame and runs.frame[memory].notna().any():
        said.append(f"The largest peak of memory was {runs.all('most', memory, 'megabytes')}.")
    parameters = runs.frame.get("cost/parameters", pd.Series(dtype=float)).dropna()
    if len(parameters):
        low, high = (runs.all(how, "cost/parameters", "millions") for how in ("least", "most"))
        same = parameters.min() == parameters.max()
        said.append(
            f"The networks have {low} parameters." if same else f"The networks have {low} to {high} parameters."
        )
    usable = ctx.usable.dropna(subset=[ctx.metric]) if ctx.metric in ctx.usable else ctx.usable.iloc[:0]
    picture = ""
    if column in usable and usable[column].nunique() > 2:
        paper, ax = look.plt.subplots(figsize=(5.2, 3.3))
        front = drawings.cost_against_score(ax, usable, column, ctx.metric, minimize=ctx.minimize)[1]
        line = "The line joins the runs that no other run beats in both."
        said_of = line if front > 1 else "One run is beaten in neither by any other."
        picture = ctx.figure("cost", paper, ctx.caption(ax, "{y} against {x}. {line}", line=said_of))
    return blocks("## Cost\n", paragraph(*said), picture)


def endings(ctx: Context) -> str:
    """If runs ended otherwise than by finishing, or are missing: which, and how they enter."""
    runs, statuses, missing = ctx.table("runs"), ctx.table("statuses"), ctx.table("missing")
    unusual = (
        runs.frame[~runs.frame["status"].isin(["finished", "early_stopped"])] if "status" in runs.frame else runs.frame
    )
    if unusual.empty and not len(missing):
        return ""
    named = {"early_stopped": "early stopped", "oom": "out of memory"}
    rows = [
        [
            named.get(str(row["status"]), str(row["status"])),
            statuses.say(i, "n", "int"),
            statuses.say(i, "share", "percent:1"),
            statuses.say(i, "rule"),
        ]
        for i, row in statuses.frame.iterrows()
    ]
    table = markdown_table(["Status", "Runs", "Share", "How such runs enter"], rows, right=[1, 2]) if rows else ""
    listed = [
        [
            f"`{runs.say(i, 'run', 'code')}`",
            named.get(row["status"], row["status"]),
            runs.say(i, "epochs", "int"),
            runs.say(i, ctx.metric, "metric"),
        ]
        for i, row in unusual.head(MOST_MISSING).iterrows()
    ]
    each = markdown_table(["Run", "Status", "Epochs", ctx.m()], listed, right=[2, 3]) if listed else ""
    rest = "Further ones stand in `runs.csv`.\n" if len(unusual) > MOST_MISSING else ""
    return blocks("## Runs that ended otherwise\n", table, each, rest, _missing(ctx))


def _missing(ctx: Context) -> str:
    table = ctx.table("missing")
    if not len(table):
        return ""
    rows = [
        [
            f"`{table.say(i, 'run', 'code')}`",
            f"{table.say(i, 'have', 'int')} of {table.say(i, 'want', 'int')}",
            table.say(i, "detail"),
        ]
        for i in table.frame.index[:MOST_MISSING]
    ]
    rest = "Further ones stand in `missing.csv`.\n" if len(table) > MOST_MISSING else ""
    one = len(table) == 1
    said = (
        f"{table.all('count', style='plural:planned run')} {'is' if one else 'are'} "
        f"not there and {'enters' if one else 'enter'} nothing:\n"
    )
    return blocks("### Missing runs\n", said, markdown_table(["Run", "Segments there", "Why"], rows, right=[1]), rest)


def next_steps(ctx: Context) -> str:
    """What the results leave open."""
    said = [
        _usable(ctx), *_edges(ctx), _more_seeds(ctx), _ties(ctx), *_interactions(ctx), *_unexplored(ctx), _longer(ctx),
        _missing_first(ctx),
    ]  # fmt: skip
    said = [sentence for sentence in said if sentence]
    return blocks(
        "## What to try next\n", bullets(*said) if said else "Nothing in these results asks for another run.\n"
    )


def _usable(ctx: Context) -> str | None:
    """If no run came to a usable end."""
    if ctx.best is not None:
        return None
    return "Settings whose runs come to an end: all of these diverged, ran out of memory or were stopped."


def _edges(ctx: Context) -> list[str]:
    """For each axis whose best level lies at the end of the values tried."""
    return [
        f"{'Lower' if row['edge'] == 'low' else 'Higher'} values of the {ctx.a(row['axis'])} than "
        f"{ctx.code('factor_summary', i, 'best_level')}: the scores are best at that end."
        for i, row in ctx.edges.head(MOST_EDGES).iterrows()
    ] + [
        ctx.fact(f"edges[{i}].text", "sentence")
        for i, edge in enumerate(ctx.analysis.get("edges") or [])
        if edge.get("clear") and edge["axis"] not in set(ctx.edges["axis"] if len(ctx.edges) else ())
    ]


def _more_seeds(ctx: Context) -> str | None:
    """If every setting was trained once."""
    if not ctx.one_seed or ctx.table("ranking").first(rank=1) is None:
        return None
    if len(ctx.table("confirmations")):
        return None
    return "Further seeds for the settings at the top: without them no difference can be told from chance."


def _ties(ctx: Context) -> str | None:
    """If settings at the top cannot be told apart."""
    size = (ctx.analysis.get("best") or {}).get("group_size") or 1
    if ctx.one_seed or size < 2 or ctx.analysis["n_cells"] < 2:
        return None
    if size == ctx.table("ranking").frame["rank"].notna().sum():
        return (
            "More seeds, if the choice matters: none of "
            f"{ctx.fact('best.group_size', 'plural:setting')} can be told apart."
        )
    return (
        "More seeds, if the choice matters, for "
        f"{ctx.fact('best.group_size', 'plural:setting')} that share the first place."
    )


def _interactions(ctx: Context) -> list[str]:
    """For each pair of axes that interact."""
    frame = ctx.table("interactions").frame
    real = frame[frame["verdict"] == "interact"] if len(frame) else frame
    return [
        f"A finer grid over the {ctx.a(row['axis_a'])} and the "
        f"{ctx.a(row['axis_b'])} together: the effect of one depends on the other."
        for _, row in real.head(3).iterrows()
    ]


def _unexplored(ctx: Context) -> list[str]:
    """If combinations of levels were never tried."""
    table = ctx.table("design")
    if not len(table) or "empty" not in table.frame or ctx.study.get("sweep"):
        return []
    open_pairs = table.frame[(table.frame["empty"] > 0)]
    never = open_pairs[open_pairs["filled"] < open_pairs["combinations"]]
    if never.empty:
        return []
    if len(never) > 4:
        number = never.shape[0]
        names = "pairs of axes" if number > 1 else "pair of axes"
        return [
            f"Combinations across {names} that were varied one at a time: nothing is known of how they act together."
        ]
    return [
        f"{wording.capital(table.say(i, 'empty', 'plural:combination'))} "
        f"of {ctx.a(row['axis_a'])} and {ctx.a(row['axis_b'])} "
        f"that {'was' if row['empty'] == 1 else 'were'} never tried."
        for i, row in never.iterrows()
    ]


def _longer(ctx: Context) -> str | None:
    """If most runs were at their best in their last epoch."""
    runs = ctx.usable
    if "best_epoch" not in runs or not len(runs) or (runs["best_epoch"] == runs["epochs"]).mean() <= 0.5:
        return None
    return "More epochs: most runs were at their best in the last one."


def _missing_first(ctx: Context) -> str | None:
    """If planned runs are not there."""
    missing = len(ctx.table("missing"))
    if not missing:
        return None
    number = ctx.table("missing").all("count", style="plural:planned run")
    return f"The {number} that {wording.be(missing)} not there yet."

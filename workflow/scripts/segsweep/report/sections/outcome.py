"""What follows: best configuration, expected performance, cost, runs that ended otherwise, what to try next."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.figures import runs as drawings
from segsweep.report.figures import theme
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph

MOST_PARALLEL, MOST_MISSING = 400, 40


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
    paper, ax = theme.plt.subplots(figsize=(1.6 + 1.35 * len(axes), 3.4))
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
    paper, ax = theme.plt.subplots(figsize=(5.6, 3.0))
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
        paper, ax = theme.plt.subplots(figsize=(5.2, 3.3))
        front = drawings.cost_against_score(ax, usable, column, ctx.metric, minimize=ctx.minimize)[1]
        line = "The line joins the runs that no other run beats in both."
        said_of = line if front > 1 else "No other run beats the marked one in either."
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

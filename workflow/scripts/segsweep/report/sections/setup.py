"""What was studied: set-up, axes, listed runs, rounds."""

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph

FIXED = (
    ("Architecture", "model.arch", "setting"),
    ("Encoder", "model.encoder", "setting"),
    ("Encoder weights", "model.encoder_weights", "setting"),
    ("Segmentation head", "model.seg_head", "setting"),
    ("Input size", "data.image_size", "sides"),
    ("Crop size", "data.crop", "sides"),
    ("Preprocessing", "data.preprocessing", "setting"),
    ("Augmentation", "data.augmentation", "setting"),
    ("Training pictures, drawn by seed", "data.train_subset", "int"),
    ("Validation pictures, drawn by seed", "data.val_subset", "int"),
    ("Main loss", "loss.main", "loss"),
    ("Segmentation loss", "loss.seg", "loss"),
    ("Box loss", "loss.det.box", "setting"),
    ("Optimizer", "optimizer.name", "setting"),
    ("Learning rate", "optimizer.lr", "setting"),
    ("Weight decay", "optimizer.weight_decay", "setting"),
    ("Schedule", "scheduler.name", "setting"),
    ("Batch size", "batch_size", "int"),
    ("Epochs", "epochs", "int"),
    ("Precision", "precision", "setting"),
)
MULTITASK_ONLY, MOST_LISTED, MOST_LEVELS = {"model.seg_head"}, 60, 12


def section(ctx: Context) -> str:
    """Set-up table, table of axes, listed runs or rounds."""
    return blocks("## What was studied\n", intro(ctx), set_up(ctx), axes(ctx), listed_runs(ctx), rounds(ctx))


def intro(ctx: Context) -> str:
    """Always: how many settings, how often, judged by what; the study's own note if it has one."""
    better = "Lower values rank first." if ctx.minimize else "Higher values rank first."
    data = ctx.planned(_data_set(ctx, "title"))
    return blocks(
        paragraph(ctx.planned("study.note") if ctx.study.get("note") else None),
        paragraph(
            f"The study `{ctx.planned('study.name', 'code')}` tries "
            f"{ctx.fact('n_cells', 'plural:setting')} on the data set "
            f"{data}.",
            references(ctx),
            how_often(ctx),
            f"Settings are ranked by {ctx.m()}, at the epoch of each run at which it was {ctx.top}.",
            better,
            "Intervals hold with ninety-five per cent confidence unless another share is named.",
        ),
    )


def _data_set(ctx: Context, wanted: str) -> str:
    """Where the plan has the data set's title or name; its name in the study file if there is nothing else."""
    found = ctx.plan.get("dataset") or {}
    return next((f"dataset.{key}" for key in (wanted, "name") if found.get(key)), "dataset.name")


def references(ctx: Context) -> str | None:
    """If some settings are references."""
    cells = ctx.table("cells")
    count = len(cells.where(role="reference"))
    if not count:
        return None
    return (
        f"Of these, {cells.all('count', where='role=reference', style='int')} "
        f"{wording.be(count)} the reference that others are compared with."
    )


def how_often(ctx: Context) -> str | None:
    """If the study trains: seeds and folds of each setting; else how many runs a setting has."""
    seeds, folds = len(ctx.study.get("seeds") or []), ctx.study.get("folds")
    if ctx.study.get("table") or not seeds:
        replicates = ctx.analysis.get("replicates") or {}
        if not replicates.get("max"):
            return None
        low, high = ctx.fact("replicates.min", "int"), ctx.fact("replicates.max", "plural:run")
        same = replicates["min"] == replicates["max"]
        return f"Each has {high}." if same else f"Each has {low} to {high}."
    each = "with one seed" if seeds == 1 else f"with {ctx.planned('study.seeds', 'plural:seed', 'count')} each"
    if folds:
        return f"Each was trained on {ctx.planned('study.folds.k', 'plural:fold')}, {each}."
    one = ctx.analysis["n_cells"] == 1
    if seeds == 1:
        return f"{'It' if one else 'Each'} was trained once, with one seed."
    return f"{'It was' if one else 'They were'} trained {each.removesuffix(' each') if one else each}."


def set_up(ctx: Context) -> str:
    """If the study trains: what all settings have in common."""
    train = ctx.study.get("train")
    rows = [["Data set", ctx.planned(_data_set(ctx, "name")), "`dataset`"]]
    if ctx.plan.get("dataset", {}).get("task"):
        rows.append(["Task", ctx.planned("dataset.task"), "`task`"])
    multitask = ((train or {}).get("model") or {}).get("arch") == "multitask"
    for name, key, style in FIXED if train else ():
        if any(axis == key or axis.startswith(key + ".") for axis in ctx.axes):
            continue
        if key in MULTITASK_ONLY and not multitask:
            continue
        value = _at(train, key)
        if value is None or (key == "optimizer.weight_decay" and value == 0):
            continue
        rows.append([name, ctx.planned(f"study.train.{key}", style), f"`{key}`"])
    seeds = ctx.study.get("seeds") or []
    if seeds and train:
        rows.append(
            ["Seeds", ", ".join(ctx.planned(f"study.seeds[{i}]", "plain") for i in range(len(seeds))), "`seeds`"]
        )
    if ctx.study.get("folds"):
        rows.append(["Folds", ctx.planned("study.folds.k", "int"), "`folds`"])
    return markdown_table(["Set-up", "Value", "Key"], rows)


def axes(ctx: Context) -> str:
    """If something varies: each axis with its levels."""
    factors = ctx.table("factors")
    rows = []
    for axis in ctx.axes:
        levels = factors.where(axis=axis).index
        if not len(levels):
            continue
        shown = [ctx.code("factors", i, "level") for i in levels]
        if len(shown) > MOST_LEVELS:
            shown = [*shown[: MOST_LEVELS - 1], "…", shown[-1]]
        rows.append(
            [wording.capital(ctx.a(axis)), f"`{axis}`", factors.all("count", where=f"axis={axis}"), ", ".join(shown)]
        )
    if not rows:
        return ""
    summary = ctx.table("factor_summary").frame
    binned = "binned" in summary and summary["binned"].astype(str).str.lower().eq("true").any()
    ranges = "Axes with continuous values are shown in ranges.\n" if binned else ""
    return blocks(markdown_table(["Axis", "Key", "Levels", "Values"], rows, right=[2]), ranges)


def listed_runs(ctx: Context) -> str:
    """If the study lists its runs: what each is for."""
    cells = ctx.table("cells")
    rows = [
        [f"`{cells.say(i, 'cell', 'code')}`", ctx.code("cells", i, "label"), _note(ctx, i)]
        for i in cells.where(role="run").index[:MOST_LISTED]
    ]
    return markdown_table(["Run", "Setting", "Note"], rows) if rows else ""


def _note(ctx: Context, i: int) -> str:
    return ctx.table("cells").say(i, "note") if "note" in ctx.table("cells").frame else ""


def rounds(ctx: Context) -> str:
    """If the study grew in rounds: what each added, and the best of it."""
    cells, ranking = ctx.table("cells"), ctx.table("ranking")
    if "round" not in cells.frame or not ctx.study.get("rounds"):
        return ""
    rows = []
    for i, part in enumerate(ctx.study["rounds"]):
        inside = ranking.where(round=part["name"])
        inside = inside[inside["rank"].notna()] if len(inside) else inside
        best = int(inside.index[0]) if len(inside) else None
        rows.append(
            [
                ctx.planned(f"study.rounds[{i}].name"),
                cells.all("count", where=f"round={part['name']}"),
                ctx.planned(f"study.rounds[{i}].note") if part.get("note") else "–",
                ctx.code("ranking", best, "label") if best is not None else "–",
                ranking.say(best, "mean", "metric") if best is not None else "–",
            ]
        )
    return blocks(
        "### Rounds\n",
        "The study grew in rounds; a setting counts in the round that asked for it first.\n",
        markdown_table(["Round", "New settings", "Why", "Best of them", ctx.m()], rows, right=[1, 4]),
    )


def _at(tree: dict, path: str):
    for part in path.split("."):
        tree = (tree or {}).get(part) if isinstance(tree, dict) else None
    return tree


def heading(ctx: Context) -> str:
    """Title of the report."""
    title = ctx.planned("study.title" if ctx.study.get("title") else "study.name")
    return f"# {title}\n"

"""What was studied: set-up, hyperparameters, listed runs, rounds."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.data.image_arrays import is_rgb8
from segsweep.report.markdown import be, blocks, capital, markdown_table, paragraph
from segsweep.report.program_setup import NO_DATA, program_rows
from segsweep.report.quoted_results import COMPARED, QuotedResults

FIXED = (
    ("Architecture", "model.arch", "setting"),
    ("Encoder", "model.encoder", "setting"),
    ("Encoder weights", "model.encoder_weights", "setting"),
    ("Segmentation head", "model.seg_head", "setting"),
    ("Input size", "data.image_size", "sides"),
    ("Crop size", "data.crop", "sides"),
    ("Longer side of a page", "data.patches.page_size", "int"),
    ("Side of a patch", "data.patches.size", "int"),
    ("Overlap of patches", "data.patches.overlap", "int"),
    ("Preprocessing", "data.preprocessing", "setting"),
    ("Augmentation", "data.augmentation", "setting"),
    ("Sampling of training images", "data.image_sampling.name", "setting"),
    ("Training images, drawn by seed", "data.train_subset", "int"),
    ("Validation images, drawn by seed", "data.val_subset", "int"),
    ("Main loss", "loss.main", "loss"),
    ("Segmentation loss", "loss.seg", "loss"),
    ("Box loss", "loss.det.box", "setting"),
    ("Optimizer", "optimizer.name", "setting"),
    ("Learning rate", "optimizer.lr", "setting"),
    ("Weight decay", "optimizer.weight_decay", "setting"),
    ("Parameters that decay", "optimizer.weight_decay_on", "setting"),
    ("Learning rate factor of the encoder", "optimizer.lr_factor.encoder", "setting"),
    ("Learning rate factor of the decoder", "optimizer.lr_factor.decoder", "setting"),
    ("Frozen part", "optimizer.freeze.part", "setting"),
    ("Last epoch in which it is frozen", "optimizer.freeze.until_epoch", "int"),
    ("Largest norm of the gradient", "clip_norm", "setting"),
    ("Largest norm of the gradient", "clip.norm", "setting"),
    ("Norm of the gradient of", "clip.per", "setting"),
    ("Largest element of the gradient", "clip.value", "setting"),
    ("Schedule", "scheduler.name", "setting"),
    ("Iterations of the warm-up", "scheduler.warmup.iterations", "int"),
    ("An iteration of the warm-up", "scheduler.warmup.unit", "setting"),
    ("Batch size", "batch_size", "int"),
    ("Epochs", "epochs", "int"),
    ("Precision", "precision", "setting"),
    ("Decay of the averaged weights", "ema.decay", "setting"),
    ("Warm-up of that decay", "ema.warmup", "setting"),
)
# Where images are cut, training draws patches, and validation pages.
OF_PATCHES = {
    "data.train_subset": "Training patches, drawn by seed",
    "data.val_subset": "Validation pages, drawn by seed",
}
# Values at which a key changes nothing: no row.
WITHOUT_EFFECT = {
    "optimizer.weight_decay": 0,
    "optimizer.weight_decay_on": "all",
    "optimizer.lr_factor.encoder": 1,
    "optimizer.lr_factor.decoder": 1,
    "clip.per": "all",
    "data.image_sampling.name": "uniform",
    "ema.warmup": False,
    "scheduler.warmup.iterations": 0,
    "scheduler.warmup.unit": "steps",
}
MULTITASK_ONLY, MOST_LISTED, MOST_LEVELS = {"model.seg_head"}, 60, 12


class Setup(Section):
    """What was studied: set-up, hyperparameters, listed runs, rounds."""

    title: ClassVar[str] = "What was studied"
    order: ClassVar[int] = 20


def write(results: QuotedResults) -> str:
    """Set-up table, table of axes, listed runs or rounds."""
    return blocks(intro(results), set_up(results), axes(results), listed_runs(results), rounds(results))


def intro(results: QuotedResults) -> str:
    """Always: how many settings, how often, judged by what; the study's own note if it has one."""
    return blocks(
        paragraph(results.quote_plan("study.note") if results.study.get("note") else None),
        paragraph(
            f"The study `{results.quote_plan('study.name', 'code')}` tries "
            f"{results.quote_analysis('n_cells', 'plural:setting')}{where(results)}.",
            references(results),
            how_often(results),
            judged_by(results),
            "Lower values rank first." if results.minimize else "Higher values rank first.",
            f"Intervals are {results.quote_analysis('confidence', 'percent')} confidence intervals "
            "unless stated otherwise.",
            NO_DATA if results.study.get("command") else None,
        ),
    )


def where(results: QuotedResults) -> str:
    """The data set, or the table that the runs were imported from, which does not tell on what they were trained."""
    if results.plan.dataset:
        return f" on the data set {results.quote_plan(_data_set(results, 'title'))}"
    imported = (results.study.get("table") or {}).get("file")
    return f", imported from `{results.quote_plan('study.table.file', 'code')}`" if imported else ""


def judged_by(results: QuotedResults) -> str:
    """What settings are ranked by; that a run's score is the one of its best epoch where epochs are known."""
    runs = results.table("runs").frame
    said = f"Settings are ranked by {results.metric_name()}"
    if "best_epoch" in runs and runs["best_epoch"].notna().any():
        said += f", at the epoch of each run at which it is {results.top}"
    return said + "."


def _data_set(results: QuotedResults, wanted: str) -> str:
    """Where the plan has the data set's title or name; its name in the study file if there is nothing else."""
    found = results.plan.dataset or {}
    return next((f"dataset.{key}" for key in (wanted, "name") if found.get(key)), "dataset.name")


def references(results: QuotedResults) -> str | None:
    """If some settings are references."""
    cells = results.table("cells")
    count = len(cells.where(role="reference"))
    if not count:
        return None
    return (
        f"Of these, {cells.aggregate('count', where='role=reference', style='int')} "
        f"{be(count)} the reference that others are compared with."
    )


def how_often(results: QuotedResults) -> str | None:
    """If the study trains: seeds and folds of each setting; else how many runs a setting has."""
    folds = results.study.get("folds")
    if "seeds" in results.plan.races:
        return raced(results)
    seeds = len(results.study.get("seeds") or [])
    if results.study.get("table") or not seeds:
        return usable_runs(results)
    each = "with one seed" if seeds == 1 else f"with {results.quote_plan('study.seeds', 'plural:seed', 'count')} each"
    lacking = lacking_runs(results)
    trained, end = ("to be trained", f": {lacking}.") if lacking else ("trained", ".")
    if folds:
        return f"Each was {trained} on {results.quote_plan('study.folds.k', 'plural:fold')}, {each}{end}"
    one = results.analysis["n_cells"] == 1
    if seeds == 1:
        return f"{'It' if one else 'Each'} was {trained} once, with one seed{end}"
    return f"{'It was' if one else 'They were'} {trained} {each.removesuffix(' each') if one else each}{end}"


def usable_runs(results: QuotedResults) -> str | None:
    """If some run is usable: how many a setting has, and whether some settings have none."""
    replicates, ranking = results.analysis.get("replicates") or {}, results.table("ranking")
    if not replicates.get("max"):
        return None
    low, high = (
        results.quote_analysis("replicates.min", "int"),
        results.quote_analysis("replicates.max", "plural:usable run"),
    )
    number = high if replicates["min"] == replicates["max"] else f"{low} to {high}"
    ranked, cells = int(ranking.frame["rank"].notna().sum()), results.analysis["n_cells"]
    if ranked >= cells:
        return f"Each has {number}." if cells > 1 else f"It has {number}."
    some = f"{ranking.aggregate('count', 'rank')} of these {'has' if ranked == 1 else 'have'}"
    return f"{some} {number}, the {'other' if cells - ranked == 1 else 'others'} none."


def lacking_runs(results: QuotedResults) -> str:
    """How many runs that are compared were not trained; empty where all were."""
    table = results.table("missing")
    if not len(table):
        return ""
    lost = table.frame[table.frame["role"].isin(COMPARED.split(","))]
    if lost.empty:
        return ""
    by_budget = "left_out" in lost and lost["left_out"].notna().all()
    number = table.aggregate("count", style="plural:run", where=f"role={COMPARED}")
    return f"{number} {be(len(lost))} {'left out by the budget' if by_budget else 'missing'}"


def raced(results: QuotedResults) -> str:
    """If seeds raced: with how many each setting was trained, or was to be, at least and at most."""
    start, most = (results.quote_plan(f"study.seeds.{one}", "int") for one in ("start", "at_most"))
    folds = f", on {results.quote_plan('study.folds.k', 'plural:fold')} each" if results.study.get("folds") else ""
    trained = "was to be trained" if lacking_runs(results) else "was trained"
    return f"Seeds raced: each {trained} with {start}{folds}, and those that stayed in the race with up to {most}."


def set_up(results: QuotedResults) -> str:
    """If the study trains: what all settings have in common."""
    train = results.study.get("train")
    rows = [["Data set", results.quote_plan(_data_set(results, "name")), "`dataset`"]] if results.plan.dataset else []
    if (results.plan.dataset or {}).get("task"):
        rows.append(["Task", results.quote_plan("dataset.task"), "`task`"])
    multitask = ((train or {}).get("model") or {}).get("arch") == "multitask"
    own_words = OF_PATCHES if _at(train or {}, "data.patches") else {}
    for name, key, style in FIXED if train else ():
        if results.varies(key) or (key in MULTITASK_ONLY and not multitask):
            continue
        value = _at(train, key)
        if value is None or value == WITHOUT_EFFECT.get(key):
            continue
        words = capital(results.axis_name(key)) if key in results.names.given else own_words.get(key, name)
        said = statistics_in_words(results, value) if key == "data.preprocessing" else ""
        said += precision_in_words(results) if key == "precision" else ""
        rows.append([words, results.quote_plan(f"study.train.{key}", style) + said, f"`{key}`"])
    rows += program_rows(results)
    seeds = results.study.get("seeds") or []
    if "seeds" in results.plan.races:
        first, start, most = (
            results.quote_plan(f"study.seeds.{one}", "plain") for one in ("first", "start", "at_most")
        )
        rows.append(["Seeds", f"{start} to {most}, from {first} on", "`seeds`"])
    elif seeds and (train or results.study.get("command")):
        rows.append(
            ["Seeds", ", ".join(results.quote_plan(f"study.seeds[{i}]", "plain") for i in range(len(seeds))), "`seeds`"]
        )
    if results.study.get("folds"):
        rows.append(["Folds", results.quote_plan("study.folds.k", "int"), "`folds`"])
    return markdown_table(["Set-up", "Value", "Key"], rows) if rows else ""


def statistics_in_words(results: QuotedResults, preprocessing: str) -> str:
    """If the data were described: by which statistics images are standardized, which depends on what they are."""
    table = results.table("data").frame
    if preprocessing == "none" or not len(table):
        return ""
    rgb8 = all(is_rgb8(int(row["channels"]), row["dtype"]) for _, row in table.iterrows())
    whose = "ImageNet's" if preprocessing == "standardize" and rgb8 else "the training images'"
    return f" ({whose} mean and deviation of each channel)"


def precision_in_words(results: QuotedResults) -> str:
    """If `precision: auto` decided: what it took."""
    file = "provenance.json"
    if not (results.folder / file).is_file():
        return ""
    count = len(results.ledger.files.tree(file).get("taken_precisions", []))
    taken = [results.ledger.quote(file, "", f"taken_precisions[{i}].precision", "text", "value") for i in range(count)]
    return f" (took {', '.join(taken)})" if taken else ""


def axes(results: QuotedResults) -> str:
    """If something varies: each axis with its levels."""
    factors = results.table("factors")
    rows = []
    for axis in results.axes:
        levels = factors.where(axis=axis).index
        if not len(levels):
            continue
        shown = [results.quote_code("factors", i, "level") for i in levels]
        if len(shown) > MOST_LEVELS:
            shown = [*shown[: MOST_LEVELS - 1], "…", shown[-1]]
        rows.append(
            [
                capital(results.axis_name(axis)),
                f"`{axis}`",
                factors.aggregate("count", where=f"axis={axis}"),
                ", ".join(shown),
            ]
        )
    if not rows:
        return ""
    summary = results.table("factor_summary").frame
    binned = "binned" in summary and summary["binned"].astype(str).str.lower().eq("true").any()
    ranges = "Hyperparameters with continuous values are shown in ranges.\n" if binned else ""
    return blocks(markdown_table(["Hyperparameter", "Key", "Levels", "Values"], rows, right=[2]), ranges)


def listed_runs(results: QuotedResults) -> str:
    """If the study lists its runs: what each is for. Rows of an imported table have nothing to add to the ranking."""
    cells = results.table("cells")
    listed = cells.where(role="run")
    noted = "note" in listed and bool(listed["note"].notna().any())
    if listed.empty or (results.study.get("table") and not noted):
        return ""
    rows = [
        [
            f"`{cells.quote(i, 'cell', 'code')}`",
            results.quote_code("cells", i, "label"),
            *([cells.quote(i, "note")] if noted else []),
        ]
        for i in listed.index[:MOST_LISTED]
    ]
    rest = "Further ones are in `cells.csv`.\n" if len(listed) > MOST_LISTED else ""
    return blocks(markdown_table(["Run", "Setting", *(["Note"] if noted else [])], rows), rest)


def rounds(results: QuotedResults) -> str:
    """If the study grew in rounds: what each added, and the best of it."""
    cells, ranking = results.table("cells"), results.table("ranking")
    if "round" not in cells.frame or not results.study.get("rounds"):
        return ""
    rows = []
    for i, part in enumerate(results.study["rounds"]):
        inside = ranking.where(round=part["name"])
        inside = inside[inside["rank"].notna()] if len(inside) else inside
        best = int(inside.index[0]) if len(inside) else None
        rows.append(
            [
                results.quote_plan(f"study.rounds[{i}].name"),
                cells.aggregate("count", where=f"round={part['name']}"),
                results.quote_plan(f"study.rounds[{i}].note") if part.get("note") else "–",
                results.quote_code("ranking", best, "label") if best is not None else "–",
                ranking.quote(best, "mean", "metric") if best is not None else "–",
            ]
        )
    return blocks(
        "### Rounds\n",
        "The study grew in rounds; a setting counts in the round that asked for it first.\n",
        markdown_table(["Round", "New settings", "Why", "Best of them", results.metric_name()], rows, right=[1, 4]),
    )


def _at(tree: dict, path: str):
    for part in path.split("."):
        tree = (tree or {}).get(part) if isinstance(tree, dict) else None
    return tree

"""Models that decide together: their score beside that of each and of the single model."""

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph

ENSEMBLE = "ensemble.json"


def ensemble(ctx: Context) -> str:
    """If models decide together: their score beside the single model's."""
    table = ctx.table("ensemble")
    if not len(table):
        return ""
    scores = _shown(ctx)
    rows = []
    for i, row in table.frame.iterrows():
        setting = ctx.table("ranking").first(cell=str(row["cell"]))
        rows.append(
            [
                ctx.code("ranking", setting, "label") if setting is not None else ctx.code("ensemble", i, "cell"),
                table.say(i, "method"),
                table.say(i, "members", "int"),
                *[table.say(i, name, "metric") for name in scores],
            ]
        )
    alone = "single model" in set(table.frame["method"])
    said = paragraph(
        f"Models trained on different folds decide together; they are scored on {_pictures(ctx)} that none of them was "
        "trained on.",
        "These are the test split, which had no part in choosing settings or checkpoints. The members' folds pool "
        "training and validation pictures; the single model saw training pictures only."
        if any(name.startswith("test/") for name in scores)
        else "No test split is scored: members leave out a part of the training split, by which each "
        "chooses its checkpoint, and all are scored on the validation split. The setting was chosen on it, for all "
        "alike.",
        "The single model's checkpoint was chosen on it as well, which flatters its score; on the other hand it was "
        "trained on the whole training split, each member on a part."
        if alone and any(name.startswith("val/") for name in scores)
        else None,
        None
        if alone
        else "No single model of this setting stands beside them: all were trained on pictures of this split.",
    )
    head = ["Setting", "Method", "Members", *map(ctx.m, scores)]
    text = paragraph(_votes(ctx), together(ctx, scores[0]) if scores else None, _left_out(ctx))
    rest = "All scores stand in `ensemble.csv`, those of single pictures in `ensemble_images.csv`.\n"
    return blocks("## Ensemble\n", said, text, markdown_table(head, rows, right=range(2, len(head))), rest)


def _shown(ctx: Context) -> list[str]:
    """Scores of the table: the first, by which members are compared, and what the study wants reported besides.

    They are those of the split that the ensemble is scored on, whatever split the study names them with.
    """
    frame = ctx.table("ensemble").frame
    found = [name for name in frame.columns if name.startswith(("val/", "test/")) and frame[name].notna().any()]
    wanted = {name.partition("/")[2] for name in (ctx.metric, *(ctx.study.get("also_report") or []))}
    return found[:1] + [name for name in found[1:] if name.partition("/")[2] in wanted]


def together(ctx: Context, score: str) -> str:
    """If there is a score: the ensemble's beside its members' and the single model's."""
    table = ctx.table("ensemble")
    methods = list(table.frame["method"])
    members = [method for method in methods if method.startswith("member ")]
    said = f"The {ctx.m(score)} of the ensemble is {table.say(0, score, 'metric')}"
    if len(members) > 1:
        where = f"method={','.join(members)}"
        mean, least, most = (table.all(how, score, "metric", where) for how in ("mean", "least", "most"))
        said += f", that of its members {mean} on average, from {least} to {most}"
    if "single model" in methods:
        said += f"; the single model has {table.say(methods.index('single model'), score, 'metric')}"
    return said + "."


def _pictures(ctx: Context) -> str:
    if not (ctx.results / ENSEMBLE).is_file():
        return "pictures"
    return ctx.ledger.say(ENSEMBLE, "", "pictures", "plural:picture")


def _votes(ctx: Context) -> str | None:
    """If members vote: how many have to agree."""
    if not (ctx.results / ENSEMBLE).is_file() or ctx.ledger.value(ENSEMBLE, column="method") != "vote":
        return None
    votes = ctx.ledger.say(ENSEMBLE, "", "min_votes", "int")
    return f"What {votes} of {ctx.table('ensemble').say(0, 'members', 'int')} members say is taken."


def _left_out(ctx: Context) -> str | None:
    """If members failed or are not trained."""
    if not (ctx.results / ENSEMBLE).is_file():
        return None
    gone = ctx.ledger.value(ENSEMBLE, column="left_out")
    if not gone:
        return None
    names = [
        f"`{ctx.ledger.say(ENSEMBLE, '', f'left_out[{i}].run', 'code')}` "
        f"({ctx.ledger.say(ENSEMBLE, '', f'left_out[{i}].status')})"
        for i in range(len(gone))
    ]
    return f"Left out, as they failed or are not trained: {wording.listed(names)}."

"""Claims, importance, relations between measures, comparison with earlier, pictures."""

import json

import pandas as pd

from segsweep.report import wording
from segsweep.report.figures import factors as drawings
from segsweep.report.figures import theme
from segsweep.report.sections.context import Context, blocks, bullets, markdown_table, paragraph, picture


def claims(ctx: Context) -> str:
    """If there are claims: each with its verdict and what it rests on."""
    table = ctx.table("claims")
    if not len(table):
        return ""
    rows = []
    for i, row in table.frame.iterrows():
        grade = f" ({row['grade']})" if isinstance(row.get("grade"), str) else ""
        claim, detail = table.say(i, "claim"), table.say(i, "detail")
        rows.append([table.say(i, "id"), claim, f"**{row['verdict']}**{grade}", detail, table.say(i, "n_runs", "int")])
    said = (
        "Claims were written down before the first run. A claim is "
        "supported or refuted only where the interval allows it; "
        "otherwise it is undecided.\n"
    )
    return blocks("## Claims\n", said, markdown_table(["Id", "Claim", "Verdict", "Why", "Runs"], rows, right=[4]))


def importance(ctx: Context) -> str:
    """If importance was estimated, or why not."""
    table, found = ctx.table("importance"), ctx.analysis.get("importance") or {}
    if not len(table):
        return blocks("## Importance\n", paragraph(ctx.fact("importance.note"))) if found.get("note") else ""
    rows = [
        [
            wording.capital(ctx.a(row["axis"])),
            table.say(i, "fanova", "fixed"),
            table.say(i, "pedanova", "fixed"),
            table.say(i, "partial_eta2", "fixed") if "partial_eta2" in table.frame else "–",
        ]
        for i, row in table.frame.iterrows()
    ]
    shares = {
        name: table.frame[column].to_numpy(float)
        for name, column in (("fANOVA", "fanova"), ("PED-ANOVA", "pedanova"))
        if column in table.frame and table.frame[column].notna().any()
    }
    drawn = ""
    if shares:
        paper, ax = theme.plt.subplots(figsize=(5.6, 0.9 + 0.42 * len(table)))
        drawings.importance(ax, [wording.axis(axis, ctx.axes) for axis in table.frame["axis"]], shares)
        drawn = ctx.figure(
            "importance", paper, ctx.caption(ax, "{x} of each axis by {methods}.", methods=wording.listed(shares))
        )
    return blocks(
        "## Importance\n",
        paragraph(
            "fANOVA splits the variance that a random forest predicts; "
            "PED-ANOVA compares where good settings lie with where all do.",
            f"The forest explains {ctx.fact('importance.r2_oob', 'percent')} "
            "of the variance of settings it had not seen."
            if found.get("r2_oob") is not None and found["r2_oob"] > 0
            else "The forest predicts settings it had not seen no closer than their mean does."
            if found.get("r2_oob") is not None
            else None,
            "It predicts too little for its shares to be relied on." if found.get("reliable") is False else None,
            ctx.fact("importance.note") if found.get("note") else None,
        ),
        markdown_table(["Axis", "fANOVA", "PED-ANOVA", "Partial eta squared"], rows, right=[1, 2, 3]),
        drawn,
    )


def correlations(ctx: Context) -> str:
    """If measures were correlated with the score."""
    table = ctx.table("correlations")
    if not len(table):
        return ""
    said = []
    tested = [i for i, row in table.frame.iterrows() if row["verdict"] in ("positive", "negative")]
    for i in tested[:8]:
        row = table.frame.loc[i]
        sign = "more" if row["verdict"] == "positive" else "less"
        said.append(
            f"The more {ctx.m(row['x'])}, the {sign} {ctx.m(row['y'])}: "
            f"rank correlation {table.say(i, 'spearman', 'fixed')}"
            + (
                f", interval {ctx.interval('correlations', i, 'spearman_low', 'spearman_high', 'fixed')}"
                if pd.notna(row["spearman_low"])
                else ""
            )
            + f", over {table.say(i, 'n', 'plural:' + ('setting' if row['unit'] == 'cell' else 'run'))}."
        )
    if not said:
        undecided = (table.frame["verdict"] == "undecided").any()
        text = (
            "None of the measures of stability, convergence and cost goes "
            "along with the score more closely than chance would have it."
        )
        return blocks("## Measures that go together\n", paragraph(text)) if undecided else ""
    return blocks("## Measures that go together\n", bullets(*said))


def comparison(ctx: Context) -> str:
    """If there is an earlier report or study to compare with."""
    table = ctx.table("comparison")
    if not len(table):
        return ""
    parts = []
    for against in dict.fromkeys(table.frame["against"]):
        mine = table.where(against=against)
        changed = mine[mine["changed"].astype(str).str.lower() == "true"]
        name = table.say(int(mine.index[0]), "against", "code")
        same = table.all("count", where=f"against={against}", style="plural:conclusion")
        if changed.empty:
            parts.append(f"Compared with `{name}`, none of {same} has changed.\n")
            continue
        rows = [
            [row["topic"], table.say(i, "item"), table.say(i, "before"), table.say(i, "now")]
            for i, row in changed.iterrows()
        ]
        number = len(changed)
        value = table.all("count", where=f"against={against} & changed={changed.iloc[0]['changed']}")
        said = f"Compared with `{name}`, {value} of {same} {'has' if number == 1 else 'have'} changed.\n"
        parts += [said, markdown_table(["Topic", "Item", "Before", "Now"], rows)]
    return blocks("## Compared with earlier\n", *parts)


def pictures(ctx: Context) -> str:
    """If predictions were drawn."""
    file = ctx.results / "images" / "images.json"
    if not file.is_file():
        return ""
    entries = json.loads(file.read_text(encoding="utf-8"))
    shown = []
    for i, entry in enumerate(entries):
        if not (ctx.output / entry["file"]).is_file():
            continue
        caption = ctx.ledger.say("images/images.json", "", f"[{i}].caption")
        alt = {"errors": "Errors in colour", "grid": "One picture over the settings"}.get(entry["kind"], "Predictions")
        shown.append(picture(entry["file"], caption, alt))
    return blocks("## Pictures\n", *shown) if shown else ""

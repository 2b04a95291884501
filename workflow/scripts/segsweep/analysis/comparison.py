"""Conclusions of this study beside those of another one, or of an earlier report of the same: what changed."""

import json
from pathlib import Path
from typing import Any

from segsweep.errors import InputError
from segsweep.io import regular
from segsweep.tables import Column, Table


class Comparison(Table):
    """A conclusion of the study beside that of another study, or of an earlier report."""

    file = "comparison.csv"
    rules = ("analyze_study",)
    rows = "comparison_rows"
    columns = (
        Column("against", "text", "What it is compared with."),
        Column("topic", "text", "`best`, `level`, `statement`, `claim` or `importance`."),
        Column("item", "text", "What the conclusion is about."),
        Column("before", "text", "The other one's conclusion.", empty="it has none"),
        Column("now", "text", "This study's.", empty="it has none"),
        Column("changed", "text", "`true` or `false`."),
    )


def conclusions(
    best: dict[str, Any] | None,
    factor_summary: list[dict[str, Any]],
    findings: list[dict[str, Any]],
    claims: list[dict[str, Any]],
    importance: list[dict[str, Any]],
) -> dict[str, Any]:
    """What a study says, in words that can be compared: `analysis.json` "conclusions".

    best is the recommended setting, the others are the rows of these tables.
    """
    return {
        "best": {"label": best["label"], "settings": best["settings"], "tied": best["group_size"]} if best else None,
        "levels": {row["axis"]: {"best": row["best_level"], "relation": row["relation"]} for row in factor_summary},
        "statements": sorted(filter(None, map(_statement, findings))),
        "claims": {str(row["id"]): row["verdict"] for row in claims},
        "importance": [row["axis"] for row in importance],
    }


def _statement(row: dict[str, Any]) -> str | None:
    if row["kind"] != "levels" or row["verdict"] not in ("better", "worse"):
        return None
    first, second = row["a"], row["b"]
    if row["verdict"] == "worse":
        first, second = second, first
    return f"{row['axis']}: {first} is better than {second}"


def comparison_rows(said: dict[str, Any], others: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of comparison.csv: this study's conclusions beside those of each other one."""
    return [row for name, other in others.items() for row in compare(said, other, name)]


def compare(now: dict[str, Any], before: dict[str, Any], against: str) -> list[dict[str, Any]]:
    """Rows of comparison.csv from the "conclusions" of two analyses; empty where one of them says nothing."""

    def row(topic: str, item: str, old: Any, new: Any) -> dict[str, Any]:
        return {"against": against, "topic": topic, "item": item, "before": old, "now": new,
                "changed": str(old != new).lower()}  # fmt: skip

    rows = [row("best", "setting", _label(before), _label(now))]
    for axis in _both(before["levels"], now["levels"]):
        old, new = (side["levels"].get(axis) or {} for side in (before, now))
        rows.append(row("level", axis, _level(old), _level(new)))
    for text in sorted({*before["statements"], *now["statements"]}):
        old, new = ("said" if text in side["statements"] else "not said" for side in (before, now))
        rows.append(row("statement", text, old, new))
    for key in _both(before["claims"], now["claims"]):
        rows.append(row("claim", key, before["claims"].get(key, ""), now["claims"].get(key, "")))
    if before["importance"] or now["importance"]:
        old, new = ((side["importance"] or [""])[0] for side in (before, now))
        rows.append(row("importance", "most important axis", old, new))
    return rows


def analysis_of(name: str, folder: Path) -> Path | None:
    """The analysis.json of a study (a name beside `folder`) or of an earlier report (a folder, or the file itself).

    None if there is none yet, or if it is that of `folder` itself: nothing is compared with what it replaces.
    """
    path = next((path for path in _tried(name, folder) if path.is_file()), None)
    return None if path is None or path.resolve() == (folder / "analysis.json").resolve() else path


def read_conclusions(name: str, folder: Path) -> dict[str, Any]:
    """Conclusions of what `analysis_of` finds.

    Raises:
        InputError: there is no such analysis, or it holds no conclusions.
    """
    path = analysis_of(name, folder)
    if path is None:
        _, in_folder, beside = _tried(name, folder)
        raise InputError(
            f"compare: {name}: found no other analysis at {in_folder} nor {beside}. Report on that study first."
        )
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))["conclusions"]
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: holds no conclusions ({error}). Analyze that study again.") from error


def _tried(name: str, folder: Path) -> list[Path]:
    return [Path(name), Path(name) / "analysis.json", folder.parent / name / "analysis.json"]


def _label(side: dict[str, Any]) -> str:
    return side["best"]["label"] if side["best"] else ""


def _level(found: dict[str, Any]) -> str:
    return f"{found['best']} ({found['relation']})" if found else ""


def _both(first: dict, second: dict) -> list[str]:
    return list(dict.fromkeys([*first, *second]))

"""The best setting: which one, and as YAML that is ready to copy."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from segsweep.analysis.study_results import StudyResults
from segsweep.config.program_settings import BESIDE
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.own_code.names import written_for
from segsweep.tables import Column, Document

CHEAPER = 0.9  # a setting is called cheaper from this share of the best one's training time on


class BestSetting(Document):
    """The setting to recommend, ready to copy; comments say what it is and how sure that is."""

    file = "best.yaml"
    rules = ("analyze_study",)
    keys = (
        Column("study", "text", "Name of the study."),
        Column("cell", "text", "Key of the cell."),
        Column("runs", "list", "Its usable runs."),
        Column("segments", "list", "Their segments; not there if it was trained elsewhere."),
        Column("set", "mapping", "Dotted keys in which the setting differs from the study's `train`."),
        Column("train", "mapping", "The setting in full; only if segsweep's own loop trained it."),
        Column("command", "text", "The study's `command`; only if a program of the user's own trained it."),
        Column("parameters", "mapping", "The program's parameters in full; likewise."),
        Column("epochs", "integer", "Epochs that it was to train; likewise."),
    )


def choose(results: StudyResults, ranking: pd.DataFrame, confirmed: list[dict[str, Any]]) -> tuple[str | None, str]:
    """The cell to recommend, and how it was chosen.

    The winner of a confirmation, by the mean of its fresh seeds; else the first of the ranking without a run that
    diverged, failed or ran out of memory; else the first.
    """
    behind = results.dropped_by("confirm")
    fresh = [row for row in confirmed if row["n"] and row["cell"] in results.cells.index]
    if fresh:
        best = max(fresh, key=lambda row: (row["cell"] not in behind, row["mean"] * results.sign))
        return best[
            "cell"
        ], f"the best mean of {plural(best['n'], 'fresh seed')} among {plural(len(fresh), 'confirmed setting')}"
    scored = ranking[ranking["n"] > 0]
    if scored.empty:
        return None, "no setting has a usable run"
    sound = scored[~scored["failed"].astype(bool)]
    if sound.empty:
        some = "it has" if len(scored) == 1 else "all have"
        return scored.index[0], f"the best mean score of {plural(len(scored), 'setting')}; {some} runs that failed"
    best = sound.iloc[0]
    lacking = sound["planned"] - sound["pruned"] - sound["repeated"] - sound["n"]
    # Of a run that crashed nothing is known: it is missing, and none of those that failed.
    of_those = "trained runs" if (lacking > 0).any() else "runs"
    words = f"the best mean score of {plural(len(sound), 'setting')} none of whose {of_those} failed"
    if best["rank"] > 1:
        words += f"; {best['rank'] - 1:.0f} ranked higher with runs that failed"
    if missing := int(lacking.iloc[0]):
        by_budget = (results.missing["cell"][results.left_out_by_budget] == sound.index[0]).sum() == missing
        what = "left out by the budget" if by_budget else "missing"
        words += f"; {missing} of its {plural(int(best['planned']), 'run')} {'is' if missing == 1 else 'are'} {what}"
    return sound.index[0], words


def describe(
    results: StudyResults, ranking: pd.DataFrame, cell: str, chosen_by: str, confirmed: list[dict[str, Any]]
) -> dict[str, Any]:
    """The entry "best" of analysis.json."""
    row = next((row for row in confirmed if row["cell"] == cell and row["n"]), None)
    ranked = ranking.loc[cell] if cell in ranking.index else None
    source = row if row is not None else ranked
    group = ranked["group"] if ranked is not None else float("nan")
    ties = ranking[(ranking["group"] == group) & (ranking["n"] > 0)] if pd.notna(group) else ranking.loc[[]]
    axes = [name for name in results.plan.axes if name in results.cells]
    return {
        "cell": cell, "label": results.label(cell), "run": None if ranked is None else ranked["best_run"],
        "mean": source["mean"], "low": source.get("low"), "high": source.get("high"), "n": int(source["n"]),
        "expected": None if ranked is None else ranked["expected"], "chosen_from": int((ranking["n"] > 0).sum()),
        "rank": None if ranked is None or pd.isna(ranked["rank"]) else int(ranked["rank"]),
        "group_size": max(len(ties), 1),
        "tied": list(ties.index[:20]), "settings": {name: results.cells.at[cell, name] for name in axes},
        "cheapest": cheapest(ranking, cell, results.sign), "chosen_by": chosen_by,
    }  # fmt: skip


def cheapest(ranking: pd.DataFrame, cell: str, sign: int) -> str | None:
    """The cell that trains fastest of those with a mean within the interval of the best's, if clearly faster than it.

    That a setting is not shown to be worse is not enough to advise it: with two seeds, most are not.
    """
    cost = "cost/train_seconds"
    if cell not in ranking.index or cost not in ranking:
        return None
    best = ranking.loc[cell]
    worst = best["low"] if sign > 0 else best["high"]
    faster = ranking[(ranking["mean"] * sign >= worst * sign) & (ranking[cost] < CHEAPER * best[cost])]
    return None if faster.empty else faster[cost].idxmin()


def as_yaml(results: StudyResults, best: dict[str, Any] | None) -> str:
    """Contents of best.yaml: comments that say what it is, `set` with dotted keys, the setting in full.

    Raises:
        InputError: the plan does not know the setting: tables and plan are of two states of the study.
    """
    study = results.plan.study
    if best is None:
        return f"# Study {study['name']}: no setting has a usable run yet.\nset: {{}}\n"
    entry = next((cell for cell in results.plan.cells if cell.cell == best["cell"]), None)
    if entry is None:
        folder = f"results/{study['name']}"
        raise InputError(
            f"{folder}/runs.csv: its best setting, {best['cell']}, is none of the study's plan: they are of two states "
            f"of the study. Remove the tables of {folder}, and start `snakemake` again: what is trained stays."
        )
    own = (results.runs["cell"] == best["cell"]) & (results.runs["role"] != "ensemble")
    runs = results.runs[own & results.runs["usable"]]
    interval = ""
    if best["low"] is not None and pd.notna(best["low"]) and best["low"] < best["high"]:
        interval = f", 95 % interval {best['low']:.4g} to {best['high']:.4g}"
    ties = best["group_size"] - 1
    lines = [
        f"# Best setting of study {study['name']}: {best['label']}",
        f"# {results.metric} {best['mean']:.4g} (mean of {best['n']}{interval}); {best['chosen_by']}.",
    ]
    if results.why_unknown:
        lines.append(f"# {results.why_unknown}: it is not known whether another seed would choose the same.")
    elif ties:
        settings = "1 other setting does" if ties == 1 else f"{ties} other settings do"
        lines.append(f"# {settings} not differ significantly from it.")
    content: dict[str, Any] = {"study": study["name"], "cell": best["cell"], "runs": runs["run"].tolist()}
    segments = dict.fromkeys(" ".join(runs["segments"].fillna("")).split()) if "segments" in runs else {}
    content |= {"segments": list(segments)} if segments else {}
    content["set"] = dict(entry.settings)
    if study.get("command"):  # its parameters are nobody's but the program's
        parameters = {name: value for name, value in entry.train.items() if name not in BESIDE}
        content |= {"command": study["command"], "parameters": parameters, "epochs": entry.train["epochs"]}
    else:
        content |= {"train": entry.train} if entry.train else {}
        content = written_for(content, Path(results.plan.study_file).parent)
    return "\n".join(lines) + "\n" + _dump(content)


class _Dumper(yaml.SafeDumper):
    """YAML whose small numbers are read as numbers again by any reader: 5.0e-4."""

    def ignore_aliases(self, data):
        """No anchors: each value stands where it is used."""
        return True


def _float(dumper: yaml.SafeDumper, value: float):
    """Every digit as given: 0.00123456789012 stays that, 1e-05 is 1.0e-5."""
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"
    elif math.isfinite(value) and value != 0 and abs(value) < 1e-2:  # as tables write it, and nothing rounded
        sign, digits, exponent = Decimal(text).normalize().as_tuple()
        shift = exponent + len(digits) - 1
        rest = "".join(map(str, digits[1:])) or "0"
        text = f"{'-' if sign else ''}{digits[0]}.{rest}e{shift}"
    elif not math.isfinite(value):
        text = ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _float)


def _dump(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)

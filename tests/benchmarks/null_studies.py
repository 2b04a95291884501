"""How often a study without any effect is said to have one, and how often a true effect is found.

Studies of six shapes are drawn with one to three seeds and five kinds of errors, half of them unbalanced, and analysed;
no file is written. Whatever any table states counts: a finding that is neither undecided nor described, a second group
in the ranking, an axis whose levels differ. By itself, the file measures the analysis of any checkout:

    python tests/benchmarks/null_studies.py --scripts /path/to/other/workflow/scripts
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run by itself, with the analysis of whichever checkout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--scripts", type=Path, default=root / "workflow" / "scripts", help="where segsweep lies")
    parser.add_argument("--draws", type=int, default=3, help="of each kind of study")
    options = parser.parse_args()
    sys.path[:0] = [str(options.scripts), str(root)]

import numpy as np
from measuring import Row, single
from scipy.stats import binomtest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.verdicts import STATED
from tests.drawn_results import results_of
from tests.synthetic_results import Truth, draw_study

PART = "null studies"
LR, BATCH, ARCH, LOSS = "optimizer.lr", "batch_size", "model.arch", "loss"
RATES, SIZES = [1e-4, 1e-3, 1e-2], [8, 16, 32]
NETWORKS = ["unet", "attention_unet", "attention_resunet", "deeplabv3plus"]
LOSSES = ["cross_entropy", "dice", "focal"]
SHAPES = {
    "2x2": {LR: RATES[:2], ARCH: NETWORKS[:2]},
    "3x3": {LR: RATES, BATCH: SIZES},
    "4": {ARCH: NETWORKS},
    "3x2x2": {LR: RATES, ARCH: NETWORKS[:2], LOSS: LOSSES[:2]},
    "12 listed cells": {LR: RATES, BATCH: SIZES, ARCH: NETWORKS[:2], LOSS: LOSSES},
    "sweep of 20": {LR: [1e-5, 1e-1], "optimizer.weight_decay": [1e-6, 1e-2], ARCH: NETWORKS[:3]},
}
ERRORS = ("normal", "heavy-tailed", "skewed", "outlying", "unequal")
SEEDS = (1, 2, 3)
NOISE = 0.01
CLAIMS = {
    LR: [{"id": "rises", "claim": "It rises.", "trend": "increasing", "along": LR}],
    ARCH: [{"id": "unet", "claim": "It is the U-Net.", "best_in": {ARCH: ["unet"]}}],
    LOSS: [{"id": "dice", "claim": "It is Dice.", "best_in": {LOSS: ["dice"]}}],
}
# Shares at commit 384854d, in percent; measured by this file's first version (commit 9ff96db, --scripts), same draws.
BASELINE = {
    "effect of 2 sd found, 2 seeds": 49.4,
    "effect of 2 sd found, 3 seeds": 76.1,
    "effect of 3 sd found, 2 seeds": 76.9,
    "effect of 3 sd found, 3 seeds": 91.9,
}


@dataclass(frozen=True)
class Kind:
    """A kind of study: shape, number of seeds, kind of errors, whether balanced, and a number that tells draws apart.

    effect: by how many noise sd the first level of the first axis is worse than all others.
    """

    shape: str
    seeds: int
    errors: str
    balanced: bool
    draw: int
    effect: float = 0.0


def null_kinds(draws: int) -> list[Kind]:
    """Each kind of study without an effect, so many times."""
    return [
        Kind(*kind, draw)
        for draw in range(draws)
        for kind in product(SHAPES, SEEDS, ERRORS, (True, False))
    ]  # fmt: skip


def draw(kind: Kind) -> Truth:
    """A study of this kind."""
    axes = SHAPES[kind.shape]
    rng = np.random.default_rng([kind.draw, *kind.shape.encode(), kind.seeds, *kind.errors.encode(), kind.balanced])
    more: dict[str, Any] = {}
    if kind.shape == "12 listed cells":
        cells = list(product(*axes.values()))
        chosen = rng.choice(len(cells), 12, replace=False)
        more = {"kind": "runs", "settings": [dict(zip(axes, cells[i], strict=True)) for i in chosen]}
    elif kind.shape == "sweep of 20":
        more = {"kind": "sweep", "trials": 20}
    truth = draw_study(
        axes=axes, effects={}, seeds=tuple(range(kind.seeds)), noise=0, epochs=20, draw=int(rng.integers(2**31)),
        claims=[claim for axis in axes for claim in CLAIMS.get(axis, ())], **more,
    )  # fmt: skip
    metric = truth.plan["study"]["metric"]
    spread = {cell["cell"]: float(np.exp(rng.normal(0, 0.8))) for cell in truth.cells}
    for row in truth.runs:
        sd = NOISE * (spread[row["cell"]] if kind.errors == "unequal" else 1)
        row[metric] = round(0.7 + sd * error(kind.errors, rng), 8)
        row["overfit/gap"] = round(0.05 + 0.01 * float(rng.normal()), 6)
    if kind.effect:
        settings = {cell["cell"]: cell["settings"] for cell in truth.cells}
        name, levels = next(iter(axes.items()))
        for row in truth.runs:
            value = settings[row["cell"]][name]
            worse = value < 1e-3 if kind.shape == "sweep of 20" else value == levels[0]
            row[metric] -= worse * kind.effect * NOISE
    if not kind.balanced:
        gone = rng.choice(len(truth.runs), max(1, len(truth.runs) // 5), replace=False)
        for index in gone:
            truth.runs[index] |= {"status": "diverged", metric: None}
    return truth


def error(kind: str, rng: np.random.Generator) -> float:
    """An error of a kind, about 1 large."""
    if kind == "heavy-tailed":
        return float(rng.standard_t(2))
    if kind == "skewed":
        return float(1 - rng.exponential())
    if kind == "outlying":
        return float(rng.normal() - 12 * (rng.random() < 0.04))
    return float(rng.normal())


def stated(analysis: Analysis) -> Counter:
    """What the analysis states, by table: findings, and tables that must not state more than these."""
    said: Counter = Counter()
    for row in analysis.rows("findings"):
        said[f"findings, {row['kind']}"] += row["verdict"] in STATED
    said["ranking, groups"] += sum(row["group"] > 1 for row in analysis.rows("ranking"))
    relations = [row["relation"] for row in analysis.rows("factor_summary")]
    said["factor_summary, relation"] += sum(one in ("distinct", "partly", "some") for one in relations)
    said["analysis, edges"] += sum(bool(edge["clear"]) for edge in analysis.edges)
    return +said


def found_effect(analysis: Analysis, axis: str) -> bool:
    """Whether a finding says that the lowest level of the axis is worse than another."""
    levels = analysis.results.axis(axis)
    worst = levels.levels[0] if levels.kind == "number" else NETWORKS[0]
    return any(
        row["kind"] == "levels"
        and row["axis"] == axis
        and (row["verdict"], worst) in (("worse", row["a"]), ("better", row["b"]))
        for row in analysis.rows("findings")
    )


def analysed(kinds: list[Kind]) -> Iterator[tuple[Kind, Analysis]]:
    """Each study drawn and handed to the analysis."""
    for kind in kinds:
        yield kind, Analysis(results_of(draw(kind)))


def null_rows(kinds: list[Kind]) -> list[Row]:
    """Shares of the studies without an effect that are said to have one, in percent."""
    everything: list[tuple[Kind, set[str]]] = []
    decided: dict[str, list[bool]] = {}
    for kind, analysis in analysed(kinds):
        everything.append((kind, set(stated(analysis))))
        for row in analysis.rows("claims"):
            decided.setdefault(row["id"], []).append(row["verdict"] != "undecided")
    rows = [share(PART, "any statement", [bool(said) for _, said in everything], "<= 5")]
    for name in sorted(set().union(*(said for _, said in everything))):
        rows.append(share(PART, name, [name in said for _, said in everything]))
    for attribute, values in (("seeds", SEEDS), ("errors", ERRORS), ("shape", SHAPES), ("balanced", (True, False))):
        for value in values:
            chosen = [bool(said) for kind, said in everything if getattr(kind, attribute) == value]
            rows += [share(PART, f"any statement, {attribute} {value}", chosen)] if chosen else []
    return rows + [share(PART, f"claim {name} decided", hits, "<= 5") for name, hits in decided.items()]


def power_rows(draws: int) -> list[Row]:
    """Shares of the studies with one true effect in which it is found, in percent, beside those of the baseline."""
    rows = []
    for effect, seeds in product((2.0, 3.0), (2, 3)):
        hits = []
        for shape in SHAPES:
            kinds = [Kind(shape, seeds, "normal", True, number, effect) for number in range(draws)]
            axis = next(iter(SHAPES[shape]))
            hits += [found_effect(findings, axis) for _, findings in analysed(kinds)]
        name = f"effect of {effect:g} sd found, {seeds} seeds"
        rows.append(share(PART, name, hits, f">= {BASELINE[name]}" if name in BASELINE else ""))
    return rows


def one_seed_row(draws: int) -> Row:
    """A grid of 3x3x3 with one seed and one factor of 20 noise sd: the share that finds this one and nothing else."""
    axes = {LR: RATES, BATCH: SIZES, LOSS: LOSSES}
    hits = []
    for number in range(draws):
        truth = draw_study(axes=axes, effects={LR: [-0.2, 0.0, 0.0]}, seeds=(0,), noise=NOISE, epochs=20, draw=number)
        hits.append(found_effect(Analysis(results_of(truth)), LR))
    return share(PART, "3x3x3 of one seed: effect of 20 sd found", hits, ">= 99")


def pruned_search(number: int) -> Truth:
    """40 random trials of which only the learning rate matters, and a pruner that compares with the median so far."""
    axes = {LR: [1e-5, 1e-1], BATCH: [4, 8, 12, 16], ARCH: NETWORKS[:2]}
    truth = draw_study(axes=axes, effects={}, seeds=(0,), noise=0, epochs=20, draw=number, kind="sweep", trials=40)
    metric, settings = truth.plan["study"]["metric"], {cell["cell"]: cell["settings"] for cell in truth.cells}
    rng, seen = np.random.default_rng(number), []
    for row in truth.runs:
        decades = np.log10(settings[row["cell"]][LR]) + 3
        row[metric] = round(0.7 - 0.05 * decades**2 + NOISE * float(rng.normal()), 8)
        if len(seen) >= 5 and row[metric] < np.median(seen):
            row["status"] = "pruned"
        seen.append(row[metric])
    return truth


def pruned_row(draws: int) -> Row:
    """Of such searches, the share that states of batch size, network or any interaction what is not there."""
    wrong = []
    for number in range(draws):
        found = Analysis(results_of(pruned_search(number))).rows("findings")
        said = [row for row in found if row["verdict"] in STATED and row["kind"] in ("levels", "edge", "interaction")]
        wrong.append(any(row["kind"] == "interaction" or row["axis"] != LR for row in said))
    return share(PART, "pruned search: statement on what has no effect", wrong, "<= 5")


def share(part: str, what: str, hits: list[bool], wanted: str = "") -> Row:
    """Of these, how many are true, in percent, with the 95 % interval of Clopper and Pearson."""
    interval = binomtest(sum(hits), len(hits)).proportion_ci()
    note = f"{len(hits)} studies, 95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f}"
    return single(part, what, [100 * float(np.mean(hits))], unit="%", wanted=wanted, note=note)


def measure(quick: bool, draws: int = 3) -> list[Row]:
    """Shares in percent: null studies with a statement, claims decided by chance, power, and the grid of one seed."""
    if quick:
        return null_rows(null_kinds(1)[:12]) + [one_seed_row(2), pruned_row(2)]
    return null_rows(null_kinds(draws)) + power_rows(20 * draws) + [one_seed_row(10 * draws), pruned_row(20 * draws)]


if __name__ == "__main__":
    print(
        json.dumps(
            [[row.what, round(row.ratio, 2), row.wanted, row.note] for row in measure(False, options.draws)], indent=1
        )
    )

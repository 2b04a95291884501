"""What a pruner saves and what it loses: searches replayed over learning curves drawn by a formula.

    python tests/benchmarks/replay.py [--seeds 100] [--csv FILE]

Nothing is trained: the state machine of segsweep.search decides as in a study, and a run's curve is computed.

The curve of a setting with learning rate at u and weight decay at v (both 0..1 on their logarithmic axes):
    asymptote  a = 0.972 - 0.05 (u - 0.3)^2 - 0.02 (v - 0.5)^2 + N(0, 0.003), drawn once a setting
    rate       k = 0.25 + 0.50 u, an epoch: a high learning rate is ahead early and ends lower, so curves cross
    score      y(e) = a - (a - 0.5) exp(-k e) + N(0, 0.003), drawn again each epoch
The true value of a setting is y at the last epoch without the last term. All draws are seeded by the search's seed and
the setting, and the random sampler proposes the same settings under every policy, so policies see the same trials.
"""

import argparse
import csv
import math
import random
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow" / "scripts"))

from segsweep import registry
from segsweep.config.study import Study
from segsweep.search.decisions import decide
from segsweep.search.results import best_of

PRESERVE = 0.965
MARGIN = 0.003
NOISE = 0.003
SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "optimizer.weight_decay": {"low": 1e-6, "high": 1e-3, "log": True},
}
POLICIES = {
    "no pruner": {"name": "none"},
    "median": {"name": "median"},
    "hyperband": {"name": "hyperband"},
    "hyperband, protected": {"name": "hyperband", "preserve": PRESERVE, "preserve_margin": MARGIN},
}
SCENARIOS = {
    "12 trials, 22 epochs, first rung 10, eta 2": {
        "trials": 12,
        "at_once": 4,
        "epochs": 22,
        "min_epochs": 10,
        "eta": 2,
    },
    "27 trials, 27 epochs, first rung 3, eta 3": {"trials": 27, "at_once": 9, "epochs": 27, "min_epochs": 3, "eta": 3},
}
COLUMNS = [
    "scenario", "policy", "searches", "best_kept", "regret_of_winner", "epochs", "epochs_share",
    "pruned_above_preserve", "pruned_that_would_pass", "would_pass",
]  # fmt: skip


def study_of(scenario: dict, policy: dict, seed: int, sampler: str = "random", **more) -> Study:
    """A study of the scenario under a policy."""
    known = registry.classes("pruner")[policy["name"]].model_fields
    rule = {name: scenario[name] for name in ("min_epochs", "eta") if name in known} | policy
    sweep = {"sampler": sampler, "seed": seed, "space": SPACE, "pruner": rule}
    sweep |= {name: scenario[name] for name in ("trials", "at_once")}
    return Study.model_validate(
        {"name": "replay", "metric": "val/hmean", "train": {"epochs": scenario["epochs"]}, "sweep": sweep} | more
    )


def position(axis: str, value: float) -> float:
    """Where a value lies on its logarithmic axis, 0..1."""
    low, high = SPACE[axis]["low"], SPACE[axis]["high"]
    return math.log(value / low) / math.log(high / low)


def curve(seed: int, values: dict, epochs: int, run: int = 0) -> tuple[list[float], float]:
    """(score after each epoch, true value at the last) of a setting in the search `seed`."""
    u, v = (position(axis, values[axis]) for axis in SPACE)
    draws = random.Random(f"{seed} {sorted(values.items())}")
    asymptote = 0.972 - 0.05 * (u - 0.3) ** 2 - 0.02 * (v - 0.5) ** 2 + draws.gauss(0, 0.003)
    clean = [asymptote - (asymptote - 0.5) * math.exp(-(0.25 + 0.50 * u) * epoch) for epoch in range(1, epochs + 1)]
    noise = random.Random(f"{seed} {run} {sorted(values.items())}")
    return [score + noise.gauss(0, NOISE) for score in clean], clean[-1]


def result_of(scores: list[float], item: dict, minimize: bool = False) -> dict:
    """What a run that a step requested shows, from the recorded scores of its whole training."""
    seen = scores[: item["epochs"]]
    return {
        "status": "finished",
        "epochs": len(seen),
        "best": best_of(seen, minimize),
        "curve": seen,
        "run": item["key"],
    }


def play(study: Study, run, steps: list | None = None, **first) -> list[dict]:
    """All states of a study up to its end. `run(item)` is the result of a requested run; `steps` are there already."""
    states = list(steps or [])
    while not states or not states[-1]["done"]:
        previous = states[-1] if states else None
        results = {item["key"]: run(item) for item in previous["awaited"]} if previous else {}
        states.append(decide(study, previous, results, **({} if previous else first)))
    return states


def spent(states: list[dict]) -> dict:
    """Epochs that a search of one run a trial trained, and their share of what all its trials in full would take."""
    trials = states[-1]["trials"]
    epochs = sum(trial["trained"] for trial in trials)
    return {"epochs": epochs, "share": epochs / sum(trial["total_epochs"] for trial in trials)}


def search(scenario: dict, policy: dict, seed: int) -> dict:
    """One search, and what it kept and lost."""
    study = study_of(scenario, policy, seed)
    epochs = scenario["epochs"]
    states = play(study, lambda item: result_of(curve(seed, item["set"], epochs)[0], item))
    trials = states[-1]["trials"]
    true_values = {trial["trial"]: curve(seed, trial["values"], epochs)[1] for trial in trials}
    passing = {trial["trial"] for trial in trials if max(curve(seed, trial["values"], epochs)[0]) >= PRESERVE}
    pruned = {trial["trial"] for trial in trials if trial["status"] == "pruned"}
    best = max(true_values, key=true_values.get)
    return {
        "best_kept": best not in pruned,
        "regret_of_winner": true_values[best] - true_values[states[-1]["best"]["trial"]],
        "epochs": spent(states)["epochs"],
        "epochs_share": spent(states)["share"],
        "pruned_above_preserve": sum(trials[number]["score"] >= PRESERVE for number in pruned),
        "pruned_that_would_pass": len(pruned & passing),
        "would_pass": len(passing),
    }


def compare(seeds: int) -> list[dict]:
    """One row a scenario and policy: shares and means over the searches, counts in total."""
    rows = []
    for name, scenario in SCENARIOS.items():
        for title, policy in POLICIES.items():
            found = [search(scenario, policy, seed) for seed in range(seeds)]
            totals = {key: sum(one[key] for one in found) for key in found[0]}
            for key in ("best_kept", "regret_of_winner", "epochs", "epochs_share"):
                totals[key] = round(totals[key] / seeds, 5)
            rows.append({"scenario": name, "policy": title, "searches": seeds} | totals)
    return rows


def main(argv: list[str] | None = None) -> int:
    """Parse, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100, help="searches for each policy")
    parser.add_argument("--csv", type=Path, help="also write the table there")
    options = parser.parse_args(argv)
    rows = compare(options.seeds)
    for scenario in SCENARIOS:
        print(f"\n{scenario} ({options.seeds} searches)")
        print(f"{'policy':<18} {'true best':>9} {'regret of':>9} {'epochs':>7} {'of':>5} {'pruned, though at':>19} "
              f"{'pruned, would':>14} {'would':>6}")  # fmt: skip
        print(f"{'':<18} {'kept':>9} {'winner':>9} {'spent':>7} {'full':>5} {'or above preserve':>19} "
              f"{'have come to':>14} {'pass':>6}")  # fmt: skip
        for row in rows:
            if row["scenario"] == scenario:
                print(
                    f"{row['policy']:<18} {row['best_kept']:>9.0%} {row['regret_of_winner']:>9.4f} "
                    f"{row['epochs']:>7.1f} {row['epochs_share']:>5.0%} {row['pruned_above_preserve']:>19} "
                    f"{row['pruned_that_would_pass']:>14} {row['would_pass']:>6}"
                )
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

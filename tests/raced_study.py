"""A drawn study whose seeds raced: its step files, their tables, and the runs that the race trained."""

import json
from pathlib import Path

import pandas as pd

from segsweep.config.study import Study
from segsweep.planning.plan_file import open_plan
from segsweep.search.decisions import decide
from segsweep.search.race_tables import write_tables
from segsweep.search.step_files import step_file, write_step
from tests.synthetic_files import write_study

AXES = {"optimizer.lr": [1e-4, 1e-3, 1e-2, 1e-1]}
SEEDS = {"first": 0, "start": 2, "at_most": 5, "until": "decided"}


def write_raced_study(folder: Path, *, matters: float | None = None) -> None:
    """Four settings in a folder: two are good, by 0.01 apart; the others by 0.4 and 0.3 behind."""
    effects = {"optimizer.lr": [-0.4, 0.0, 0.01, -0.3]}
    write_study(folder, axes=AXES, effects=effects, seeds=range(5), epochs=4, noise=0.01)
    content = json.loads((folder / "plan.json").read_text())
    content["study"] |= {"seeds": SEEDS, "matters": matters}
    metric = content["study"]["metric"]
    runs = pd.read_csv(folder / "runs.csv", dtype={"cell": str} | dict.fromkeys(AXES, str))
    scores = runs.set_index(["cell", "seed"])[metric].to_dict()
    keys = {"seeds": SEEDS, "matters": matters, "metric": metric}
    study = Study.model_validate({"name": "raced", "train": {"epochs": 4}, "grid": AXES} | keys)
    first = {
        cell["cell"]: [
            {"key": run["run"], "seed": run["seed"], "fold": None, "status": "finished",
             "score": scores[run["cell"], run["seed"]]}
            for run in content["runs"]
            if run["cell"] == cell["cell"] and run["seed"] < SEEDS["start"]
        ]
        for cell in content["cells"]
    }  # fmt: skip
    entrants = [
        {"cell": cell, "set": {}, "score": None, "epochs": 4, "scores": listed} for cell, listed in first.items()
    ]
    states = [decide(study, None, {}, candidates=entrants)]
    trained = {(cell, one["seed"]) for cell, listed in first.items() for one in listed}
    while not states[-1]["done"]:
        requested = states[-1]["requested"]
        trained |= {(item["cell"], item["seed"]) for item in requested}
        results = {
            item["key"]: {"status": "finished", "epochs": 4, "curve": [scores[item["cell"], item["seed"]]]}
            for item in requested
        }
        states.append(decide(study, states[-1], results))
    content["runs"] = [run for run in content["runs"] if (run["cell"], run["seed"]) in trained]
    (folder / "plan.json").write_text(json.dumps(content))
    runs[[pair in trained for pair in zip(runs["cell"], runs["seed"], strict=True)]].to_csv(
        folder / "runs.csv", index=False
    )
    for state in states:
        write_step(step_file(folder / "sweep", state["step"]), state)
    write_tables(states, open_plan(folder / "plan.json"), folder)

"""What shared prefixes and Hyperband save, in epochs and in time, against training all runs in full.

Epochs are those of the real studies. Times are of the same designs as smoke tests, really trained, each in a process
forked from one that has the libraries loaded.
"""

import json
import os
import shutil
import tempfile
import time
from copy import deepcopy
from pathlib import Path

import replay
import workload
import yaml
from measuring import ROOT, Row, interleaved, single

PART = "shared prefixes and Hyperband"
# bisenet_runs: runs 1 and 4, and 6 and 7, are alike up to epoch 35 of 50.
RUNS, EPOCHS, SHARED = 10, 50, 2 * 35
SCENARIO = "12 trials, 22 epochs, first rung 10, eta 2"


def measure(quick: bool) -> list[Row]:
    """Rows of both designs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), *((4, 2) if quick else (8, 4)))
        return [*of_bisenet(folder, quick), *of_text(folder, quick)]


def of_bisenet(folder: Path, quick: bool) -> list[Row]:
    """Ten runs, of which two pairs share a prefix."""
    study = yaml.safe_load((ROOT / "config/studies/bisenet_runs.yaml").read_text())
    del study["smoke"]
    (folder / "config/studies/full_size.yaml").write_text(yaml.safe_dump(study | {"name": "full_size"}))
    cut = workload.plan(folder, "full_size", dataset="drawn").cut
    saved = (cut.epochs_run_by_run - cut.epochs) / SHARED
    note = f"{cut.epochs} epochs in place of {cut.epochs_run_by_run}"
    rows = [
        single(
            PART, "bisenet_runs: share of the possible saving, epochs", [saved], unit="", wanted=">= 0.95", note=note
        )
    ]

    epochs, until = (3, 2) if quick else (10, 7)
    smoke = {"crop": [64, 96], "image_size": [72, 96], "train_subset": 4, "val_subset": 2}
    study["train"] |= {"epochs": epochs, "batch_size": 2, "data": study["train"]["data"] | smoke}
    study["train"]["scheduler"]["warmup"]["iterations"] = 4
    text = yaml.safe_dump(study | {"name": "smoke", "dataset": "drawn"}).replace(
        "until_epoch: 35", f"until_epoch: {until}"
    )
    (folder / "config/studies/smoke.yaml").write_text(text.replace("iterations: 2500", "iterations: 8"))
    planned = workload.plan(folder, "smoke")
    shared = [one.to_json() for one in planned.plan.segments.values()]
    alone = each_alone(planned)
    workload.prepare(folder, planned)
    found = interleaved(
        {"shared": lambda: seconds_of([shared]), "in full": lambda: seconds_of(alone)}, 1 if quick else 2
    )
    possible = 2 * until / (RUNS * epochs)
    note = f"the design with {epochs} epochs, the loss changing after {until}; the formula allows {possible:.0%}"
    rows.append(saving("bisenet_runs", found["shared"], found["in full"], possible, note))
    return rows


def each_alone(study) -> list[list[dict]]:
    """The segments of each run as JSON, planned as if there were no other."""
    from segsweep.planning.plan_content import segment_plans
    from segsweep.planning.runs import cut
    from segsweep.store.segment_store import SegmentStore

    found = []
    for run in study.cut.runs:
        alone = cut([run], SegmentStore(Path("nothing")))
        found.append([one.to_json() for one in segment_plans(study.loaded, alone, study.training).values()])
    return found


def of_text(folder: Path, quick: bool) -> list[Row]:
    """Twelve trials of which Hyperband stops some: the decisions of a search over curves drawn by a formula."""
    scenario, searches = replay.SCENARIOS[SCENARIO], 2 if quick else 20
    found = [replay.search(scenario, replay.POLICIES["hyperband"], seed)["epochs"] for seed in range(searches)]
    full = scenario["trials"] * scenario["epochs"]
    allowed = hyperband_saving(scenario)
    saved = [(full - epochs) / allowed for epochs in found]
    note = f"{sum(found) / searches:.0f} of {full} epochs, mean of {searches} searches; {allowed} can be saved"
    row = single(
        PART, "text_sweep: share of the possible saving, epochs", [sum(saved) / searches], unit="", wanted=">= 0.95"
    )
    row.note = f"{note}; batches of {scenario['at_once']} are judged as they come"
    rows = [row]

    factor = 11 if quick else 2  # times as few epochs
    smoke = {"trials": 12, "at_once": 4, "epochs": 22 // factor, "min_epochs": max(1, 10 // factor), "eta": 2}
    study = replay.study_of(smoke, replay.POLICIES["hyperband"], 0)
    states = replay.play(study, lambda item: replay.result_of(replay.curve(0, item["set"], smoke["epochs"])[0], item))
    first = text_segment(folder, smoke["epochs"])
    runs = [trial_segments(first, stops, smoke["epochs"]) for stops in stops_of(states).values()]
    in_full = [trial_segments(first, [smoke["epochs"]], smoke["epochs"]) for _ in runs]
    times = interleaved({"hyperband": lambda: seconds_of(runs), "in full": lambda: seconds_of(in_full)}, 1)
    possible = 1 - replay.spent(states)["share"]
    note = f"DBNet, {smoke['epochs']} epochs; the decisions of this search save {possible:.0%} of the epochs"
    return [*rows, saving("text_sweep", times["hyperband"], times["in full"], possible, note)]


def hyperband_saving(scenario: dict) -> int:
    """Epochs that the algorithm saves where every bracket's trials are compared at once: 1/eta of them are promoted."""
    from segsweep.search.pruning import bracket_of, bracket_sizes, rungs

    rule = replay.study_of(scenario, replay.POLICIES["hyperband"], 0).sweep.pruner
    sizes = bracket_sizes(rule, scenario["epochs"])
    brackets = [bracket_of(trial, sizes) for trial in range(scenario["trials"])]
    saved = 0
    for bracket in set(brackets):
        trials = brackets.count(bracket)
        for epoch in rungs(rule, scenario["epochs"], bracket):
            promoted = max(1, trials // scenario["eta"])
            saved += (trials - promoted) * (scenario["epochs"] - epoch)
            trials = promoted
    return saved


def stops_of(states: list[dict]) -> dict[str, list[int]]:
    """Where each trial was cut: the epochs that decisions asked for, ascending."""
    stops: dict[str, list[int]] = {}
    for state in states:
        for item in state["requested"]:
            if item["epochs"] not in stops.setdefault(item["key"], []):
                stops[item["key"]].append(item["epochs"])
    return stops


def text_segment(folder: Path, epochs: int) -> dict:
    """The plan of a DBNet's training, as JSON, on a few drawn words."""
    study = yaml.safe_load((ROOT / "config/studies/demo_text.yaml").read_text())
    data = yaml.safe_load((ROOT / "config/datasets/demo_text.yaml").read_text())
    data["demo"] |= {"train": 4 if epochs < 4 else 16, "val": 1, "size": [96, 96]}
    workload.write_yaml(folder / "config/datasets/demo_text.yaml", data)
    study["train"] |= {"epochs": epochs, "batch_size": 4}
    workload.write_yaml(folder / "config/studies/words.yaml", study | {"name": "words"})
    planned = workload.plan(folder, "words")
    workload.prepare(folder, planned)
    return next(iter(planned.plan.segments.values())).to_json()


def trial_segments(first: dict, stops: list[int], total: int) -> list[dict]:
    """The segments of a trial with rungs at `stops`."""
    segments, parent, begun = [], None, 0
    for stop in stops:
        one = deepcopy(first) | {"first_epoch": begun + 1, "last_epoch": stop, "total_epochs": total, "parent": parent}
        one |= {"id": f"{first['id'].partition('-')[0]}-{stop:04d}", "can_be_extended": stop < total}
        segments.append(one)
        parent, begun = one["id"], stop
    return segments


def seconds_of(groups: list[list[dict]]) -> float:
    """Seconds to train groups of segments, each group in a store of its own, each segment in a forked process."""
    from segsweep.execution.pack import run_forked
    from segsweep.execution.preloading import preload

    preload()

    def job(segment: dict, store: Path):
        def work() -> int:
            from segsweep.execution.segment_job import run_job

            plan = store.parent / f"{segment['id']}.json"
            plan.write_text(json.dumps({"segments": {segment["id"]: segment}}))
            return run_job(plan, segment["id"], store)

        return work

    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        for number, segments in enumerate(groups):
            store = Path(scratch, str(number), "segments")
            store.mkdir(parents=True)
            for segment in segments:
                log = Path(scratch, "log.txt")
                _, status = os.waitpid(run_forked(job(segment, store), log), 0)
                if status:
                    raise SystemExit(f"{segment['label']} failed:\n{log.read_text()[-3000:]}")
            shutil.rmtree(store)  # a checkpoint takes up to 230 MB
        return time.perf_counter() - began


def saving(name: str, less: list[float], full: list[float], possible: float, note: str) -> Row:
    """The row of a saving in time, as a share of what the epochs allow."""
    saved = 1 - min(less) / min(full)
    row = single(PART, f"{name}: share of the possible saving, time", [saved / possible], unit="", wanted=">= 0.9")
    row.rounds = len(less)
    row.note = f"{note}; {min(less):.1f} s in place of {min(full):.1f} s; each segment pays its start"
    return row

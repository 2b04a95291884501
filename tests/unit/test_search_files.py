"""Settings of a sweep, narrowing, results out of the store, and the program that takes one step."""

import json

import decide_step
import numpy as np
import pytest

from segsweep import registry
from segsweep.config.study import Study
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.io import write_csv, write_json
from segsweep.planning.plan_file import PlannedCell, PlannedRun, StudyPlan
from segsweep.search.checks import problems
from segsweep.search.decisions import decide
from segsweep.search.narrow import narrowed
from segsweep.search.results import gather, scored_cells
from segsweep.search.step_files import read_steps
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore


def test_problems_about_a_study():
    def of(**more):
        values = {"name": "s", "train": {"epochs": 4}, "sweep": {"trials": 2, "space": {"optimizer.lr": [0.1, 0.2]}}}
        return problems(Study.model_validate(values | more), lambda keys: "s.yaml:" + "/".join(keys))

    assert of(confirm={"seeds": [1]}, ensemble={"folds": 3, "min_votes": 3}) == []
    found = of(
        sweep={
            "trials": 2,
            "space": {"optimizer.lr": {"choices": [0.1], "when": {"x": 1}}},
            "pruner": {"name": "halving", "min_epochs": 4},
            "narrow": {"from": "s"},
        },
        confirm={"seeds": [0, 1, 1]},
        ensemble={"folds": 3, "min_votes": 4},
    )
    starts = ["space/optimizer.lr: `when`", "pruner/min_epochs: min_epochs is 4", "narrow/from: a study cannot"]
    starts = [f"s.yaml:sweep/{start}" for start in starts]
    starts += [
        "s.yaml:confirm/seeds: [0] are",
        "s.yaml:confirm/seeds: a seed",
        "s.yaml:ensemble/min_votes: min_votes is 4",
    ]
    assert len(found) == len(starts)
    assert all(one.startswith(start) for one, start in zip(found, starts, strict=True))


def parsed(sweep):
    values = {"name": "s", "train": {}, "sweep": {"trials": 2, "space": {"optimizer.lr": [0.1, 0.2]}} | sweep}
    return parse(Study, values, lambda keys: "s.yaml:" + "/".join(map(str, keys))).sweep


def test_a_samplers_name_is_short_for_its_settings():
    assert parsed({"sampler": "gp"}).sampler.model_dump() == {"name": "gp", "startup_trials": None}
    assert parsed({"sampler": {"name": "gp", "startup_trials": 3}}).sampler.startup_trials == 3
    assert (parsed({}).sampler.name, parsed({}).pruner.name) == ("tpe", "none")


def test_a_pruner_has_only_the_keys_that_it_reads():
    assert parsed({"pruner": {"name": "halving", "eta": 2}}).pruner.model_dump() == {
        "name": "halving", "eta": 2, "min_epochs": 1, "min_trials": 2, "preserve": None, "preserve_margin": 0.0,
        "patience": None, "min_delta": 0.0,
    }  # fmt: skip
    # `brackets` is Hyperband's: a section `smoke` may lay another pruner over it.
    assert "brackets" not in parsed({"pruner": {"name": "median", "brackets": 2}}).pruner.model_dump()
    assert parsed({"pruner": {"name": "none", "min_epochs": 2}}).pruner.model_dump() == {"name": "none"}


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"early_stop": {"kind": "median"}}, "s.yaml:sweep: sweep: `early_stop` is called `pruner` now, and its key"),
        ({"pruner": {"kind": "median"}}, "s.yaml:sweep: sweep: `kind` of `pruner` is called `name` now"),
        ({"pruner": {"min_epochs": 2}}, "s.yaml:sweep/pruner/name: the key 'sweep.pruner.name' is missing"),
        ({"pruner": {"name": "medain"}}, "sweep.pruner.name is 'medain'. Did you mean 'median'? Allowed: halving"),
        ({"pruner": {"name": "median", "min_epoch": 1}}, "s.yaml:sweep/pruner/min_epoch: unknown key"),
        (
            {"sampler": "tep"},
            "sweep.sampler.name is 'tep'. Did you mean 'tpe'? Allowed: cmaes, gp, grid, nsga2, qmc, random",
        ),
        ({"sampler": {"name": "tpe", "trials": 1}}, "unknown key 'sweep.sampler.trials'"),
    ],
)
def test_wrong_samplers_and_pruners(sweep, said):
    with pytest.raises(InputError) as error:
        parsed(sweep)
    assert said in str(error.value)


def test_editors_know_the_short_form():
    sampler = Study.model_json_schema()["$defs"]["Sweep"]["properties"]["sampler"]
    (names,) = (one["enum"] for one in sampler["anyOf"] if "enum" in one)
    assert names == sorted(registry.classes("sampler"))


def study_of(space, top=0.5, **more):
    sweep = {"trials": 4, "at_once": 2, "sampler": "random", "space": space, "narrow": {"from": "first", "top": top}}
    return Study.model_validate({"name": "second", "train": {"epochs": 3}, "sweep": sweep} | more)


def earlier(axis, pairs):
    return [
        {"trial": number, "values": {axis: value}, "score": score, "status": "finished"}
        for number, (value, score) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("dimension", "values", "expected"),
    [
        ({"low": 0.0, "high": 10.0}, [2.0, 4.0], (2.0, 4.0)),
        # Agreeing trials keep a tenth of the width, inside the old bounds.
        ({"low": 0.0, "high": 10.0}, [5.0, 5.0], (4.5, 5.5)),
        ({"low": 0.0, "high": 10.0}, [0.0, 0.0], (0.0, 1.0)),
        ({"low": 0.0, "high": 10.0}, [10.0, 9.9], (9.0, 10.0)),
        ({"low": 1e-4, "high": 1.0, "log": True}, [1e-3, 1e-2], (1e-3, 1e-2)),
        ({"low": 1e-5, "high": 1.0, "log": True}, [1e-3, 1e-3], (10**-3.25, 10**-2.75)),
        ({"low": 0.0, "high": 1.0, "step": 0.1}, [0.3, 0.6], (0.3, 0.6)),
        ({"low": 0.0, "high": 1.0, "step": 0.25}, [1.0, 1.0], (0.75, 1.0)),
        ({"low": 1, "high": 9, "integer": True}, [9, 9], (8, 9)),
        ({"low": 1, "high": 9, "integer": True}, [2, 7], (2, 7)),
        ({"low": 1, "high": 256, "integer": True, "log": True}, [4, 16], (4, 16)),
        # A tenth of the width of the logarithm, grown to whole numbers.
        ({"low": 1, "high": 256, "integer": True, "log": True}, [16, 16], (12, 22)),
        ({"low": 1, "high": 256, "integer": True, "log": True}, [1, 1], (1, 2)),
        ({"low": 1, "high": 2, "integer": True, "log": True}, [2, 2], (1, 2)),
        # Values that the new study does not allow say nothing.
        ({"low": 0.0, "high": 1.0}, [5.0, 7.0], (0.0, 1.0)),
    ],
)
def test_a_range_shrinks_to_the_best(dimension, values, expected):
    pairs = [(value, 0.9) for value in values] + [(dimension["low"], 0.1), (dimension["high"], 0.2)]
    space, _ = narrowed(study_of({"a": dimension}), earlier("a", pairs))
    assert (space["a"].low, space["a"].high) == pytest.approx(expected, rel=1e-5)
    assert dimension["low"] <= space["a"].low < space["a"].high <= dimension["high"]


def test_choices_shrink_and_lineage_is_recorded():
    trials = earlier("a", [("x", 0.3), ("y", 0.9), ("x", 0.8), ("z", 0.1), ("z", None)])
    trials.append({"trial": 5, "values": {"a": "z"}, "score": 0.99, "status": "diverged"})
    study = study_of({"a": ["z", "y", "x"], "b": {"low": 0, "high": 1}})
    state = decide(study, None, {}, earlier=trials)
    assert state["space"]["a"]["choices"] == ["y", "x"]
    assert (state["space"]["b"]["low"], state["space"]["b"]["high"]) == (0, 1)
    assert state["lineage"]["from"] == "first"
    assert state["lineage"]["trials"] == [{"trial": 1, "score": 0.9}, {"trial": 2, "score": 0.8}]
    assert state["lineage"]["changes"][0] == {"axis": "a", "before": ["z", "y", "x"], "after": ["y", "x"], "trials": 2}
    assert all(trial["values"]["a"] != "z" for trial in state["trials"])
    lowest, _ = narrowed(study_of({"a": ["x", "y", "z"]}, minimize=True), trials)
    assert lowest["a"].choices == ["x", "z"]


def test_narrowing_without_the_earlier_study_is_refused():
    with pytest.raises(InputError, match="'first'"):
        decide(study_of({"a": ["x"]}), None, {})


def write_segment(store, name, first, last, hits, status="finished"):
    """A segment of which each epoch found so many of ten words, with ten detections: precision, recall and hmean are
    a tenth of that. The loss is 5, then 4; None: the epoch has no loss."""
    record = SegmentRecord(name, status, first, last, epochs=first - 1 + len(hits), train={"on_oom": "record"})
    write_json(store.folder(name) / "segment.json", record.to_json())
    rows = [
        {"epoch": first + offset, "lr": 0.1, "val/loss": None if hits[offset] is None else 5 - offset}
        for offset in range(len(hits))
    ]
    write_csv(store.rows(name), rows, ["epoch", "lr", "val/loss"])
    words = [(hit or 0, 10, 10) for hit in hits]
    np.savez(store.counts(name), words=np.array(words, np.int64).reshape(-1, 3))


def planned(*runs, metric="val/hmean", minimize=False):
    """A plan of runs of a text study: (key, run, epochs, segments), those without key of the cell that they name."""
    cells = dict.fromkeys(run.partition("-")[0] for _, run, _, _ in runs)
    return StudyPlan(
        study={"metric": metric, "minimize": minimize}, name="s", axes=["lr"],
        dataset={"name": "words", "reader": "icdar", "task": "text"},
        cells=[PlannedCell(cell, cell, settings={"lr": number}) for number, cell in enumerate(cells)],
        runs=[
            PlannedRun(run, run.partition("-")[0], key=key, epochs=epochs, segments=segments)
            for key, run, epochs, segments in runs
        ],
    )  # fmt: skip


def test_results_are_read_up_to_the_requested_epochs(tmp_path):
    store = SegmentStore(tmp_path)
    write_segment(store, "s-0002", 1, 2, [5, 7])
    write_segment(store, "s-0004", 3, 4, [6], "diverged")
    write_segment(store, "s-0008", 5, 8, [], "diverged")
    write_segment(store, "t-0002", 1, 2, [None, 3])
    runs = [
        ("a", "c1-s0", 2, ["s-0002"]),
        ("a", "c1-s0", 8, ["s-0002", "s-0004", "s-0008"]),
        ("b", "c2-s0", 2, ["t-0002"]),
        ("", "c3-s0", 2, ["u-0002"]),
    ]
    early = gather(planned(*runs), store, [{"key": "a", "epochs": 2}, {"key": "b", "epochs": 2}])
    assert early["a"] == {
        "status": "finished", "epochs": 2, "best": {"epoch": 2, "value": 0.7}, "curve": [0.5, 0.7],
        "run": "c1-s0", "segment": "s-0002",
    }  # fmt: skip
    assert early["b"]["curve"] == [0.0, 0.3]
    late = gather(planned(*runs), store, [{"key": "a", "epochs": 8}])["a"]
    assert (late["status"], late["epochs"], late["segment"]) == ("diverged", 3, "s-0004")
    assert late["curve"] == [0.5, 0.7, 0.6]
    losses = planned(*runs, metric="val/loss", minimize=True)
    assert gather(losses, store, [{"key": "a", "epochs": 2}])["a"]["best"] == {"epoch": 2, "value": 4}
    assert gather(losses, store, [{"key": "b", "epochs": 2}])["b"]["curve"] == [None, 4]
    with pytest.raises(InputError, match="no run for x"):
        gather(planned(*runs), store, [{"key": "x", "epochs": 2}])
    with pytest.raises(InputError, match="val/dice"):
        gather(planned(*runs, metric="val/dice"), store, [{"key": "a", "epochs": 2}])
    lost = planned(("c", "c3-s0", 2, ["u-0002"]))
    with pytest.raises(InputError, match=r"u-0002/segment.json: cannot be read .*Train u-0002 first"):
        gather(lost, store, [{"key": "c", "epochs": 2}])


def test_cells_of_a_grid_are_scored_by_the_mean_of_their_runs(tmp_path):
    store = SegmentStore(tmp_path)
    for name, hits, status in (("a", [5, 7], "finished"), ("b", [4, 2], "early_stopped"), ("c", [9], "diverged")):
        write_segment(store, f"{name}-0002", 1, 2, hits, status)
    runs = [("", "x-s0", 2, ["a-0002"]), ("", "x-s1", 2, ["b-0002"]), ("", "y-s0", 2, ["c-0002"])]
    (found,) = scored_cells(planned(*runs, ("k", "x-s2", 2, ["c-0002"])), store)
    assert (found["cell"], found["set"], found["score"]) == ("x", {"lr": 0}, pytest.approx((0.7 + 0.4) / 2))
    assert found["epochs"] == 2


def test_the_program_takes_steps_from_files(tmp_path, capsys):
    study = study_of({"optimizer.lr": {"low": 0.1, "high": 1.0}})
    plan = StudyPlan(study=study.model_dump(mode="json"), name="second", axes=[], cells=[], runs=[])
    (tmp_path / "plan.json").write_text(plan.text())
    rows = "trial,status,score,optimizer.lr\n0,finished,0.5,0.2\n1,finished,0.4,0.4\n2,pruned,0.1,1.0\n3,oom,,0.9\n"
    (tmp_path / "trials.csv").write_text(rows)
    steps = tmp_path / "sweep"
    options = ["--plan", str(tmp_path / "plan.json")]

    def step(number, *more):
        previous = str(steps / f"step_{number - 1:03d}.json") if number else "none"
        output = ["--output", str(steps / f"step_{number:03d}.json")]
        return decide_step.main([*options, "--previous", previous, *more, *output])

    assert step(0) == 2
    assert "narrow" in capsys.readouterr().err
    assert step(0, "--earlier", str(tmp_path / "trials.csv")) == 0
    (first,) = read_steps(steps)
    assert first["space"]["optimizer.lr"]["high"] == 0.4
    results = {
        item["key"]: {"status": "finished", "epochs": 3, "curve": [0.1, 0.2, 0.3], "run": "r"}
        for item in first["requested"]
    }
    (tmp_path / "results.json").write_text(json.dumps(results))
    assert step(1, "--results", str(tmp_path / "results.json")) == 0
    before = (steps / "step_001.json").read_bytes()
    assert step(1, "--results", str(tmp_path / "results.json")) == 0
    assert (steps / "step_001.json").read_bytes() == before
    assert len(read_steps(steps)) == 2
    assert sorted(file.name for file in steps.iterdir()) == ["step_000.json", "step_001.json"]
    # The space of the first step is the space of the sweep, whatever became of the earlier study.
    assert all(trial["values"]["optimizer.lr"] <= 0.4 for trial in read_steps(steps)[1]["trials"])

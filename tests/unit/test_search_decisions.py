"""The chain of decisions: what it requests, what it prunes, and that nothing but its inputs decides."""

import itertools
import json
import random
from pathlib import Path

import pytest

from segsweep.config.load import Request, load
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search import search_tables
from segsweep.search.decision_inputs import settings_digest, valid_steps
from segsweep.search.decisions import decide
from segsweep.search.step_files import as_text, read_steps, states_up_to, step_file, write_step
from tests.benchmarks import replay

SCENARIO = {"trials": 8, "at_once": 4, "epochs": 9, "min_epochs": 2, "eta": 2}
HALVING = {"name": "halving", "preserve": 0.96}
MORE = {"confirm": {"top": 2, "seeds": [1, 2]}, "ensemble": {"folds": 3}}


def make(policy=HALVING, scenario=SCENARIO, sampler="random", **more):
    return replay.study_of({**SCENARIO, **scenario}, policy, 3, sampler, **more)


def drawn(item):
    scores, _ = replay.curve(3, item["set"], item["total_epochs"], item["seed"] + 10 * bool(item["fold"]))
    return replay.result_of(scores, item)


def told(table, statuses=None):
    """Runs that show `table[trial]`, a score for every epoch; trials in `statuses` end as (status, epochs)."""

    def run(item):
        status, epochs = (statuses or {}).get(item["trial"], ("finished", item["epochs"]))
        ended = epochs < item["epochs"] or (status != "finished" and epochs <= item["epochs"])
        seen = table[item["trial"]][: min(epochs, item["epochs"])]
        return {"status": status if ended else "finished", "epochs": len(seen), "curve": seen, "run": item["key"]}

    return run


def waits_for(state):
    """The trials that the next decision looks at."""
    return [item["trial"] for item in state["awaited"]]


def flat(score):
    return [score] * 9


def test_halving_by_hand():
    """Rungs 2, 4, 8 of 9 epochs; each trial is compared with those before it, and scores from 0.8 on are protected."""
    study = make(scenario={"trials": 4}, policy={"name": "halving", "preserve": 0.8})
    table = {0: flat(0.9), 1: flat(0.85), 2: flat(0.8), 3: flat(0.7)}
    states = replay.play(study, told(table))
    assert [state["phase"] for state in states] == ["search"] * 11 + ["done"]
    # (trial, epochs) that each step requests, and the trials whose runs the next one looks at.
    steps = [({one["trial"]: one["epochs"] for one in state["requested"]}, waits_for(state)) for state in states]
    assert steps[:6] == [
        ({0: 2, 1: 2, 2: 2, 3: 2}, [0]),
        ({0: 4}, [1]),
        ({1: 4}, [2]),
        ({2: 4}, [3]),
        ({}, [0]),
        ({0: 8}, [1]),
    ]
    # None is judged or followed by another any more: one decision looks at all of them.
    assert steps[-2:] == [({2: 9}, [0, 1, 2]), ({}, [])]
    (rung,) = [record for record in states[4]["log"] if record["kind"] == "rung"]
    assert rung["pruned"] == [3]
    assert rung["epochs_saved"] == 7
    assert rung["best"] == 0.9
    assert states[-1]["best"] == {"trial": 0, "set": states[0]["trials"][0]["values"], "phase": "search", "score": 0.9}
    assert replay.spent(states) == {"epochs": 29, "share": 29 / 36}
    # At rung 4 three trials are compared and one is promoted by its rank, trials 1 and 2 by their score.
    reasons = {(row["epoch"], row["trial"]): row["reason"] for row in search_tables.decisions(states)}
    assert [reasons[2, trial] for trial in range(4)] == ["few", "preserve", "preserve", "behind"]
    assert [reasons[4, trial] for trial in range(3)] == ["few", "preserve", "preserve"]


def test_the_text_sweep_judges_every_trial_at_10_and_20():
    """As its source does: `early_terminate: {type: hyperband, min_iter: 10, eta: 2}` of W&B, over 22 epochs."""
    study = load(Request(study="text_sweep"), Path(__file__).parents[2] / "config").study
    states = replay.play(study, lambda item: replay.result_of([0.9 - 0.01 * (item["trial"] or 0)] * 30, item))
    trials, decisions = states[-1]["trials"], search_tables.decisions(states)
    assert len(trials) == 12
    assert {item["epochs"] for item in states[0]["requested"]} == {10}
    assert {row["trial"] for row in decisions if row["epoch"] == 10} == set(range(12))
    assert {row["epoch"] for row in decisions} == {10, 20}
    # The score falls from trial to trial: the first is better than all that come after it.
    assert [trial["epochs"] for trial in trials] == [22] + [10] * 11


def test_a_score_is_the_best_so_far():
    study = make(scenario={"trials": 2, "at_once": 2}, policy={"name": "halving"})
    states = replay.play(study, told({0: [0.9, 0.1, 0.2] + [0.3] * 6, 1: [0.5] * 9}))
    trials = states[-1]["trials"]
    assert [(trial["status"], trial["score"], trial["best_epoch"]) for trial in trials] == [
        ("finished", 0.9, 1),
        ("pruned", 0.5, 1),
    ]


def test_trials_are_compared_with_earlier_ones():
    study = make(scenario={"trials": 4, "at_once": 2}, policy={"name": "halving"})
    states = replay.play(study, told({0: flat(0.5), 1: flat(0.7), 2: flat(0.8), 3: flat(0.6)}))
    # Who comes first has nobody to be compared with; each of the next is better than those before it; of four at the
    # first rung, trial 3 is the third.
    assert [trial["epochs"] for trial in states[-1]["trials"]] == [9, 9, 9, 2]
    assert [trial["status"] for trial in states[-1]["trials"]] == ["finished"] * 3 + ["pruned"]


def test_a_trial_follows_as_soon_as_one_has_ended():
    """Two are under way all the time, on a clock that counts epochs; nobody waits for a batch."""
    study = make(scenario={"trials": 5, "at_once": 2}, policy={"name": "halving"})
    states = replay.play(study, told({0: flat(0.9), 1: flat(0.5), 2: flat(0.8), 3: flat(0.7), 4: flat(0.6)}))
    # Trial 1 is pruned at 2, so trial 2 begins there, and so on; trial 0 trains on beside them.
    assert [(trial["start"], trial["epochs"]) for trial in states[-1]["trials"]] == [
        (0, 9),
        (0, 2),
        (2, 2),
        (4, 2),
        (6, 2),
    ]
    for state in states[:-2]:
        under_way = [trial for trial in state["trials"] if trial["status"] == "running"]
        assert len(under_way) == 2 or len(state["trials"]) == 5
    # What a proposal was made from: all that had ended, while the others were pending.
    made = [record for _, record in search_tables.records(states, "proposed")]
    assert [(record["trials"], record["told"], record["pending"]) for record in made] == [
        ([0, 1], 0, []), ([2], 1, [0]), ([3], 2, [0]), ([4], 3, [0]),
    ]  # fmt: skip


class Cluster:
    """Trains what decisions ask for, so many runs at a time, each as long as its draws say; decides as soon as it can.

    Args:
        study: what is searched.
        seed: of the durations.
        workers: runs at a time.
    """

    def __init__(self, study, seed, workers):
        self.study, self.draws, self.workers = study, random.Random(seed), workers
        self.waiting, self.running, self.results, self.clock = [], {}, {}, 0.0

    def search(self):
        """All states up to the end."""
        states = [decide(self.study, None, {})]
        self.waiting += states[-1]["requested"]
        while not states[-1]["done"]:
            awaited = {(item["key"], item["epochs"]) for item in states[-1]["awaited"]}
            while not awaited <= self.results.keys():
                self.train()
            results = {key: self.results[key, epochs] for key, epochs in awaited}
            states.append(decide(self.study, states[-1], results))
            self.waiting += states[-1]["requested"]
        return states

    def train(self):
        """Let the next run end that ends."""
        while self.waiting and len(self.running) < self.workers:
            item = self.waiting.pop(self.draws.randrange(len(self.waiting)))
            name = item["key"], item["epochs"]
            self.running[name] = (self.clock + self.draws.lognormvariate(0, 1), item)
        name = min(self.running, key=lambda one: self.running[one][0])
        self.clock, item = self.running.pop(name)
        self.results[name] = drawn(item)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
@pytest.mark.parametrize("policy", ["hyperband", "none"])
def test_the_order_in_which_runs_end_changes_nothing(sampler, policy):
    study = make({"name": policy}, {"trials": 12, "at_once": 5}, sampler=sampler, seeds=[0, 1], **MORE)
    first = as_text(replay.play(study, drawn))
    assert all(as_text(Cluster(study, seed, workers).search()) == first for seed in range(3) for workers in (1, 3, 8))


def test_failed_and_early_stopped_trials():
    study = make(scenario={"trials": 4}, policy={"name": "halving"}, confirm={"top": 9, "seeds": [1]})
    table = {0: flat(0.95), 1: flat(0.6), 2: flat(0.5), 3: [None] * 9}
    states = replay.play(study, told(table, {0: ("diverged", 1), 1: ("early_stopped", 2), 3: ("oom", 0)}))
    trials = states[-1]["trials"]
    assert [trial["status"] for trial in trials] == ["diverged", "early_stopped", "pruned", "oom"]
    # One of three goes on from the first rung; trial 1, which ended there by itself, was better.
    assert [row["reason"] for row in search_tables.decisions(states) if row["trial"] == 2] == ["behind"]
    assert [candidate["trial"] for candidate in states[-1]["candidates"]] == [1, 2]
    assert search_tables.trials(states)[0]["rank"] is None


def test_all_failed():
    study = make(scenario={"trials": 2}, policy={"name": "none"}, **MORE)
    states = replay.play(study, told({0: flat(0.9), 1: flat(0.9)}, {0: ("oom", 0), 1: ("oom", 0)}))
    assert states[-1]["best"] is None
    assert [state["phase"] for state in states] == ["search", "done"]


def test_seeds_and_folds_of_a_trial_are_averaged():
    study = make(scenario={"trials": 2, "at_once": 2}, policy={"name": "halving"}, seeds=[0, 5], folds=2)
    first = decide(study, None, {})
    assert [item["key"] for item in first["requested"][:4]] == [
        "trial-000-s0-f0", "trial-000-s0-f1", "trial-000-s5-f0", "trial-000-s5-f1",
    ]  # fmt: skip
    assert first["requested"][1]["fold"] == {"index": 1, "k": 2, "seed": 0, "within": "train+val"}
    assert len(first["awaited"]) == 4
    scores = iter([0.1, 0.2, 0.3, 0.6, 0.2, 0.2, 0.2, 0.2])
    results = {item["key"]: replay.result_of([next(scores)] * 2, item) for item in first["requested"]}
    third = decide(study, decide(study, first, results), results)
    assert [trial["score"] for trial in third["trials"]] == pytest.approx([0.3, 0.2])
    assert [trial["trained"] for trial in third["trials"]] == [8, 8]
    (rung,) = [record for record in third["log"] if record["kind"] == "rung"]
    assert rung["epochs_saved"] == 4 * 9 - 8


def test_phases_follow_and_ranks_come_from_confirmation():
    study = make(scenario={"trials": 2, "at_once": 2}, policy={"name": "none"}, **MORE)
    values = {("confirm", 0, 1): 0.70, ("confirm", 0, 2): 0.72, ("confirm", 1, 1): 0.80, ("confirm", 1, 2): 0.78}

    def run(item):
        score = values.get((item["role"], item["trial"], item["seed"]), 0.9 - 0.1 * item["trial"])
        return replay.result_of(flat(score), item)

    states = replay.play(study, run)
    assert [state["phase"] for state in states] == ["search", "confirm", "ensemble", "done"]
    confirm, members = states[1]["requested"], states[2]["requested"]
    assert [(item["key"], item["epochs"], item["fold"]) for item in confirm] == [
        ("confirm-000-s1", 9, None), ("confirm-000-s2", 9, None),
        ("confirm-001-s1", 9, None), ("confirm-001-s2", 9, None),
    ]  # fmt: skip
    first, second = states[-1]["confirmed"]
    assert (first["trial"], first["search_rank"], first["search_score"]) == (1, 2, 0.8)
    assert (first["mean"], second["mean"]) == pytest.approx((0.79, 0.71))
    assert states[-1]["best"]["phase"] == "confirm"
    assert [(item["key"], item["trial"], item["seed"], item["fold"]) for item in members] == [
        (f"ensemble-001-f{index}", 1, 0, {"index": index, "k": 3, "seed": 0, "within": "train"}) for index in range(3)
    ]


def test_confirmation_with_its_own_epochs_and_a_failure():
    confirm = {"top": 2, "seeds": [1, 2], "epochs": 5}
    study = make(scenario={"trials": 2, "at_once": 2}, policy={"name": "none"}, confirm=confirm)

    def run(item):
        result = replay.result_of(flat(0.9 - 0.1 * item["trial"]), item)
        return result | ({"status": "diverged"} if item["key"] == "confirm-000-s2" else {})

    states = replay.play(study, run)
    assert {(item["epochs"], item["total_epochs"]) for item in states[1]["requested"]} == {(5, 5)}
    assert [(entry["trial"], entry["failed"]) for entry in states[-1]["confirmed"]] == [(1, 0), (0, 1)]


def test_confirmations_and_members_train_the_epochs_of_their_cell():
    """Epochs that all cells have in common are in none of their settings; the study's own are others."""
    study = Study.model_validate(
        {"name": "g", "train": {"epochs": 4}, "runs": [{"id": "a", "set": {"epochs": 3}}]} | MORE
    )
    cells = [{"cell": cell, "set": {}, "epochs": 3, "score": 0.5} for cell in "ab"]
    states = replay.play(study, lambda item: replay.result_of([0.5] * 3, item), candidates=cells)
    assert [state["phase"] for state in states] == ["confirm", "ensemble", "done"]
    requested = [run for state in states for run in state["requested"]]
    assert len(requested) == 4 + 3
    assert {(run["epochs"], run["total_epochs"]) for run in requested} == {(3, 3)}


@pytest.mark.parametrize("minimize", [False, True])
def test_a_grid_is_confirmed_and_voted_on(minimize):
    study = Study.model_validate(
        {"name": "g", "minimize": minimize, "train": {"epochs": 4}, "grid": {"optimizer.lr": [0.1, 0.2, 0.3]}} | MORE
    )
    cells = [{"cell": f"c{lr}", "set": {"optimizer.lr": lr}, "score": lr} for lr in (0.1, 0.2, 0.3)]
    states = replay.play(
        study, lambda item: replay.result_of([item["set"]["optimizer.lr"]] * 4, item), candidates=cells
    )
    assert [state["phase"] for state in states] == ["confirm", "ensemble", "done"]
    best, next_best = ("c0.1", "c0.2") if minimize else ("c0.3", "c0.2")
    assert [item["key"] for item in states[0]["requested"]][::2] == [f"confirm-{best}-s1", f"confirm-{next_best}-s1"]
    assert {item["cell"] for item in states[1]["requested"]} == {best}
    assert states[-1]["best"]["cell"] == best


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_resumed_anywhere_with_results_in_any_order(tmp_path, sampler):
    """From the files of any step on, with results in any order and of runs that were extended since: the same bytes."""
    study = make({"name": "hyperband", "preserve": 0.96, "preserve_margin": 0.002}, sampler=sampler, **MORE)
    states = replay.play(study, drawn)
    assert any(trial["status"] == "pruned" for trial in states[-1]["trials"])
    write_all(states, tmp_path)
    assert as_text(read_steps(tmp_path)) == as_text(states)
    draws, again = random.Random(0), tmp_path / "again.json"
    for number in range(1, len(states)):
        previous = states_up_to(step_file(tmp_path, number - 1))[-1]
        results = {}
        for item in draws.sample(previous["awaited"], len(previous["awaited"])):
            results[item["key"]] = drawn(item | {"epochs": item["total_epochs"]})
        write_step(again, decide(study, previous, results), previous)
        assert again.read_bytes() == step_file(tmp_path, number).read_bytes()
    assert valid_steps(study, read_steps(tmp_path)) == len(states)


def write_all(states, folder):
    for before, state in itertools.pairwise([None, *states]):
        write_step(step_file(folder, state["step"]), state, before)


def test_step_files_of_a_long_search_stay_small(tmp_path):
    """A file says what is new: as many bytes for the hundredth decision as for the tenth, but for what was compared."""
    study = make({"name": "none"}, {"trials": 120, "at_once": 4})
    states = replay.play(study, drawn)
    write_all(states, tmp_path)
    sizes = [step_file(tmp_path, state["step"]).stat().st_size for state in states]
    assert sizes[100] < 1.1 * sizes[10]


def test_a_step_of_which_an_earlier_one_is_gone_is_named(tmp_path):
    write_all(replay.play(make(), drawn), tmp_path)
    step_file(tmp_path, 1).unlink()
    with pytest.raises(InputError, match=r"step_001\.json: is gone or damaged, and step_003\.json goes on from it"):
        states_up_to(step_file(tmp_path, 3))


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_raising_trials_keeps_what_is_there(sampler):
    few = replay.play(make(scenario={"trials": 4}, sampler=sampler, **MORE), drawn)
    more = make(scenario={"trials": 8}, sampler=sampler, **MORE)
    kept = valid_steps(more, few)
    assert few[kept]["phase"] == "confirm"
    raised = replay.play(more, drawn, few[:kept])
    assert as_text(raised[:kept]) == as_text(few[:kept])
    assert [trial["values"] for trial in raised[-1]["trials"][:4]] == [trial["values"] for trial in few[-1]["trials"]]
    # As long as trials were left to propose, the search is the one that was asked for more from the start.
    whole = replay.play(more, drawn)
    same = next(number for number, state in enumerate(whole) if len(state["trials"]) > 4)
    assert as_text(raised[:same]) == as_text(whole[:same])


def test_raising_trials_fills_up_again():
    few = replay.play(make(scenario={"trials": 6}), drawn)
    more = make(scenario={"trials": 12})
    kept = valid_steps(more, few)
    raised = replay.play(more, drawn, few[:kept])
    assert [trial["values"] for trial in raised[-1]["trials"][:6]] == [trial["values"] for trial in few[-1]["trials"]]
    assert len(raised[-1]["trials"]) == 12
    assert sum(trial["status"] == "running" for trial in raised[kept]["trials"]) == 4
    # Fewer again: the steps that proposed too many do not hold.
    assert valid_steps(make(scenario={"trials": 6}), raised) == kept


def test_which_steps_hold():
    study = make(**MORE)
    states = replay.play(study, drawn)
    phases = [state["phase"] for state in states]
    assert valid_steps(make(**{**MORE, "confirm": {"top": 2, "seeds": [7]}}), states) == phases.index("confirm")
    assert valid_steps(make(**{**MORE, "ensemble": {"folds": 4}}), states) == phases.index("ensemble")
    assert valid_steps(make({"name": "none"}, **MORE), states) == 0
    used = [
        state | {"evidence": {item["key"]: "a" for item in before["awaited"]}}
        for before, state in itertools.pairwise(states)
    ]
    states = states[:1] + used
    assert valid_steps(study, states, lambda item: "a") == len(states)
    changed = states[1]["awaited"][0]
    assert valid_steps(study, states, lambda item: "b" if item == changed else "a") == 2


def test_steps_depend_on_sampler_and_pruner_and_on_no_key_at_its_default():
    digests = {
        settings_digest(make(policy, sampler=sampler))
        for policy in (HALVING, HALVING | {"name": "hyperband"}, {"name": "none"}, HALVING | {"eta": 4})
        for sampler in ("tpe", "random", {"name": "tpe", "startup_trials": 5})
    }
    assert len(digests) == 12
    assert settings_digest(make(HALVING | {"min_trials": 2})) == settings_digest(make(HALVING))


def test_missing_results_are_named():
    study = make()
    first = decide(study, None, {})
    with pytest.raises(InputError, match="results of trial-000-s0 are missing"):
        decide(study, first, {item["key"]: drawn(item) for item in first["requested"][2:]})
    with pytest.raises(ValueError, match="nothing is left"):
        decide(study, replay.play(study, drawn)[-1], {})


def test_minimizing_mirrors_the_whole_study():
    policy = {"name": "hyperband", "preserve": 0.96, "preserve_margin": 0.002}
    up = replay.play(make(policy, sampler="tpe", **MORE), drawn)

    def negated(item):
        result = drawn(item)
        return result | {"curve": [-score for score in result["curve"]]}

    down = replay.play(make(policy | {"preserve": -0.96}, sampler="tpe", minimize=True, **MORE), negated)
    assert [state["requested"] for state in down] == [state["requested"] for state in up]
    assert [trial["status"] for trial in down[-1]["trials"]] == [trial["status"] for trial in up[-1]["trials"]]
    assert [entry["trial"] for entry in down[-1]["confirmed"]] == [entry["trial"] for entry in up[-1]["confirmed"]]


@pytest.mark.parametrize("kind", ["hyperband", "halving", "median"])
def test_replay_never_prunes_a_trial_above_preserve(kind):
    """Over recorded curves: protection keeps some that the plain rule prunes, and loses none at or above `preserve`."""
    scenario = {"trials": 12, "at_once": 4, "epochs": 22, "min_epochs": 5, "eta": 2}
    protecting = {"name": kind, "preserve": replay.PRESERVE, "preserve_margin": replay.MARGIN}
    plain = [replay.search(scenario, {"name": kind}, seed) for seed in range(15)]
    kept = [replay.search(scenario, protecting, seed) for seed in range(15)]
    assert sum(one["pruned_above_preserve"] for one in plain) > 0
    assert sum(one["pruned_above_preserve"] for one in kept) == 0
    assert sum(one["best_kept"] for one in kept) >= sum(one["best_kept"] for one in plain)
    assert all(one["epochs_share"] <= 1 for one in kept)


def test_tables(tmp_path):
    study = make(**MORE)
    states = replay.play(study, drawn)
    search_tables.write_tables(states, tmp_path)
    trials = (tmp_path / "trials.csv").read_text(encoding="utf-8").splitlines()
    assert trials[0].endswith("confirmed_mean,confirmed_rank,optimizer.lr,optimizer.weight_decay")
    assert len(trials) == 1 + 8
    exact = states[-1]["trials"]
    for read, trial in zip(search_tables.read_trials(tmp_path / "trials.csv"), exact, strict=True):
        assert read == {name: trial[name] for name in ("trial", "status", "score", "values")}
    assert len((tmp_path / "decisions.csv").read_text(encoding="utf-8").splitlines()) > 8
    assert json.loads(as_text(states)) == states


def test_values_that_are_sections_are_read_back_from_the_table(tmp_path):
    space = {"optimizer": [{"name": "sgd"}, {"name": "adamw", "lr": 0.1}], "data.crop": [[32, 32], [64, 96]]}
    sweep = {"trials": 4, "sampler": "grid", "space": space}
    study = Study.model_validate({"name": "s", "train": {"epochs": 9}, "sweep": sweep})
    states = replay.play(study, lambda item: replay.result_of(flat(0.5), item))
    search_tables.write_tables(states, tmp_path)
    read = [trial["values"] for trial in search_tables.read_trials(tmp_path / "trials.csv")]
    assert read == [trial["values"] for trial in states[-1]["trials"]]
    assert sorted(map(str, read)) == sorted(
        str({"optimizer": one, "data.crop": crop}) for one in space["optimizer"] for crop in space["data.crop"]
    )


def test_a_step_that_the_disk_does_not_give_back_does_not_count_as_none(tmp_path):
    write_step(step_file(tmp_path, 0), {"step": 0, "done": False})
    step_file(tmp_path, 1).symlink_to("/proc/self/mem")  # reading it is an I/O error
    with pytest.raises(InputError, match=r"step_001\.json: cannot be read \(Input/output error\)"):
        read_steps(tmp_path)
    step_file(tmp_path, 1).unlink()
    step_file(tmp_path, 1).write_text("{")
    assert [state["step"] for state in read_steps(tmp_path)] == [0]

"""What a budget does to decisions: how many trials are proposed, what ends with what it showed, which steps hold."""

import pytest

from segsweep.config.budget import Budget
from segsweep.config.study import Study
from segsweep.planning.budget_ledger import LeftOut
from segsweep.search import search_tables
from segsweep.search.allowance import Allowance, decided_without, later_runs, set_aside
from segsweep.search.decision_inputs import valid_steps
from segsweep.search.decisions import decide
from tests.benchmarks import replay

SCENARIO = {"trials": 6, "at_once": 2, "epochs": 4, "min_epochs": 2, "eta": 2}
CONFIRM = {"confirm": {"top": 2, "seeds": [1, 2]}}


def study_with(budget=None, policy="halving", scenario=SCENARIO, **more):
    return replay.study_of(scenario, {"name": policy}, 3, **more, **({"budget": budget} if budget else {}))


def shows(item, score=0.5, left_out=()):
    """A run with the same score in each epoch, up to those that the budget left out."""
    epochs = 2 if (item["key"], item["epochs"]) in left_out else item["epochs"]
    status = "finished" if epochs == item["epochs"] else "left_out"
    number = item["trial"] or 0
    return {"status": status, "epochs": epochs, "curve": [score + 0.01 * number] * epochs, "run": item["key"]}


class Budgeted:
    """Plays a study whose budget, in runs, is kept by counting keys, as `allowance_of` does from the plan."""

    def __init__(self, study, left_out=(), **allowed):
        self.study, self.left_out, self.allowed = study, left_out, allowed

    def play(self, states=()):
        states = list(states)
        while not states or not states[-1]["done"]:
            before = states[-1] if states else None
            keys = {run["key"] for state in states for run in state["requested"]}
            allowance = Allowance(self.study.budget, at=7.0, **self.allowed)
            if self.study.budget.runs is not None:
                phase = before["phase"] if before else "search"
                allowance.runs_left = self.study.budget.runs - len(keys) - set_aside(self.study, phase)
            results = {run["key"]: shows(run, left_out=self.left_out) for run in before["awaited"]} if before else {}
            allowance.left_out = {
                key: LeftOut("until", "it is late", 7.0) for key, one in results.items() if one["status"] == "left_out"
            }
            states.append(decide(self.study, before, results, allowance=allowance))
        return states


def records(states, kind):
    return [record for state in states for record in state["log"] if record["kind"] == kind]


def test_no_trial_is_proposed_that_leaves_no_room_for_the_confirmation():
    study = study_with({"runs": 8}, **CONFIRM)
    states = Budgeted(study).play()
    assert len(states[-1]["trials"]) == 4  # four are kept: two settings on two seeds
    assert [one["role"] for state in states for one in state["requested"] if one["role"] == "confirm"] == [
        "confirm"
    ] * 4
    (refused,) = [record["refused"] for record in records(states, "budget")]
    assert refused == {"kind": "runs", "why": "0 of 8 runs are left, and 1 more would be needed", "at": 7.0}
    assert states[-1]["budget"] == {"runs": 8}


def test_at_most_half_is_kept_for_later():
    study = study_with({"runs": 3}, **CONFIRM, ensemble={"folds": 5})
    assert later_runs(study) == [(4, 4), (5, 4)]
    assert later_runs(study, "confirm") == [(5, 4)]
    assert set_aside(study) == 1
    assert len(Budgeted(study).play()[-1]["trials"]) == 2


@pytest.mark.parametrize(
    ("allowed", "trials", "kind"),
    [
        ({"left_s": 5.0, "epoch_s": 1.0}, 2, None),  # two trials of two epochs each, asked again in each decision
        ({"left_s": 3.0, "epoch_s": 1.0}, 1, "gpu_hours"),
        ({"left_s": 0.0}, 0, "gpu_hours"),
        ({"left_s": 1.0}, 2, None),  # of what nothing is known, the first begin
        ({"to_end_s": 1.5, "epoch_s": 1.0}, 0, "until"),
        ({"to_end_s": 2.5, "epoch_s": 1.0}, 2, None),
    ],
)
def test_what_fits_is_proposed(allowed, trials, kind):
    study = study_with({"gpu_hours": 1, "until": "2026-12-24T08:00"})
    state = decide(study, None, {}, allowance=Allowance(study.budget, **allowed))
    assert len(state["trials"]) == trials
    assert [record["refused"]["kind"] for record in records([state], "budget")] == ([kind] if kind else [])


def test_a_trial_that_is_left_out_ends_with_what_it_showed():
    """It was promoted at 2 and cannot go on; the other one had nothing yet, and is no candidate."""
    study = study_with({"until": "2026-12-24T08:00"}, **CONFIRM)
    first = "trial-000-s0"
    states = Budgeted(study, left_out={(first, 4)}).play()
    trial = states[-1]["trials"][0]
    assert (trial["status"], trial["budget"], trial["score"], trial["trained"]) == ("pruned", "until", 0.5, 2)
    assert [rung["epoch"] for rung in trial["rungs"]] == [2]
    ended = next(record for record in records(states, "ended") if record["trial"] == 0)
    assert ended == {"kind": "ended", "trial": 0, "status": "pruned", "score": 0.5, "budget": "until"}
    (number,) = [state["step"] for state in states if decided_without(state)]
    assert decided_without(states[number]) == {first: LeftOut("until", "it is late", 7.0)}
    # None is proposed any more; the others go on.
    assert len(states[-1]["trials"]) == len(states[number]["trials"])
    rows = search_tables.trials(states)
    assert (rows[0]["pruned_at"], rows[0]["budget"]) == (None, "until")
    assert not [row for row in search_tables.decisions(states) if row["trial"] == 0 and row["decision"] == "pruned"]


def test_steps_hold_as_long_as_the_budget_that_ended_them():
    study = study_with({"runs": 8}, **CONFIRM)
    states = Budgeted(study).play()
    before = next(number for number, state in enumerate(states) if "budget" in state)
    assert before > 1
    assert valid_steps(study, states) == len(states)
    for other in ({"runs": 9}, {"runs": 8, "gpu_hours": 1}, None):
        assert valid_steps(study_with(other, **CONFIRM), states) == before
    # What was searched before stays as it is, and the search goes on from there as if there had been no budget.
    free = study_with(**CONFIRM)
    whole = replay.play(free, shows)
    assert replay.play(free, shows, states[:before]) == whole
    assert [state["trials"] for state in whole[:before]] == [state["trials"] for state in states[:before]]


def test_a_budget_that_has_no_say_leaves_no_trace():
    study = study_with({"runs": 50}, **CONFIRM)
    assert Budgeted(study).play() == replay.play(study_with(**CONFIRM), shows)


def test_a_confirmation_goes_by_the_seeds_that_there_are():
    study = study_with({"runs": 50}, **CONFIRM)
    left_out = {("confirm-005-s2", 4), ("confirm-004-s1", 4), ("confirm-004-s2", 4)}
    states = Budgeted(study, left_out=left_out).play()
    first, second = states[-1]["confirmed"]
    assert (first["trial"], first["mean"], first["failed"]) == (5, 0.55, 0)
    assert [one["status"] for one in first["scores"]] == ["finished", "left_out"]
    assert (second["mean"], second["failed"]) == (None, 0)
    assert set(decided_without(states[-1])) == {key for key, _ in left_out}


def test_a_grid_is_confirmed_by_what_there_is():
    study = study_with({"runs": 2}, **CONFIRM)
    study = study.model_copy(update={"sweep": None})
    allowance = Allowance(study.budget, at=7.0, left_out={"b-s1": LeftOut("runs", "the budget is 2 runs", 7.0)})
    candidates = [{"cell": "a", "set": {"optimizer.lr": 1e-3}, "score": 0.5}]
    state = decide(study, None, {}, candidates=candidates, basis="x", allowance=allowance)
    assert (state["phase"], state["budget"]) == ("confirm", {"runs": 2})
    assert list(decided_without(state)) == ["b-s1"]
    assert valid_steps(study, [state], basis="x") == 1
    more = study.model_copy(update={"budget": Budget(runs=3)})
    assert valid_steps(more, [state], basis="x") == 0


def racing_study(budget, **more):
    seeds = {"start": 2, "at_most": 6, "until": "decided"}
    keys = {"name": "raced", "metric": "val/hmean", "train": {"epochs": 4}, "grid": {"optimizer.lr": [1e-3, 1e-2]}}
    return Study.model_validate(keys | {"seeds": seeds, "budget": budget} | more)


def entrants(**scores):
    """Cells with the scores of their first seeds."""
    return [
        {"cell": cell, "set": {}, "score": None, "epochs": 4, "scores": [
            {"key": f"{cell}-s{seed}", "seed": seed, "fold": None, "status": "finished", "score": score}
            for seed, score in enumerate(found)
        ]}
        for cell, found in scores.items()
    ]  # fmt: skip


def test_a_race_asks_for_each_further_seed():
    """Two settings that nobody can tell apart yet: one more run each, as far as the budget allows."""
    study = racing_study({"runs": 5})
    cells = entrants(a=[0.5, 0.6], b=[0.51, 0.59])
    free = decide(study, None, {}, candidates=cells, basis="x", allowance=Allowance(study.budget, runs_left=2))
    assert ([run["cell"] for run in free["requested"]], free["races"]["seeds"]["ended"]) == (["a", "b"], None)
    assert "budget" not in free
    spent = decide(study, None, {}, candidates=cells, basis="x", allowance=Allowance(study.budget, runs_left=1))
    assert (spent["requested"], spent["races"]["seeds"]["ended"], spent["done"]) == ([], "budget", True)
    assert (spent["best"]["cell"], spent["budget"]) == ("a", {"runs": 5})
    assert valid_steps(study, [spent], basis="x") == 1
    assert valid_steps(racing_study({"runs": 6}), [spent], basis="x") == 0


def test_a_race_of_which_runs_are_left_out_ends_undecided():
    study = racing_study({"until": "2026-12-24T08:00"})
    state = decide(study, None, {}, candidates=entrants(a=[0.5, 0.6], b=[0.51, 0.59]), basis="x",
                   allowance=Allowance(study.budget))  # fmt: skip
    keys = [run["key"] for run in state["requested"]]
    late = {key: LeftOut("until", "it is late", 7.0) for key in keys[1:]}
    results = {
        key: {"status": "left_out" if key in late else "finished", "epochs": 4, "curve": [0.7] * 4} for key in keys
    }
    ended = decide(study, state, results, allowance=Allowance(study.budget, left_out=late))
    race = ended["races"]["seeds"]
    assert race["ended"] == "budget"
    assert [len(one["scores"]) for one in race["entrants"]] == [3, 2]
    assert [one["standing"] for one in race["entrants"]] == ["racing", "racing"]  # nobody failed
    assert ended["best"]["cell"] == "a"

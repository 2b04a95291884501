"""Races of seeds: what each round drops and requests, why a race ends, and that nothing but its inputs decides."""

import copy
import itertools
import random
import re

import numpy as np
import pytest

from segsweep.config.program_checks import program_problems
from segsweep.config.study import Study
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.search.checks import problems
from segsweep.search.decision_inputs import valid_steps
from segsweep.search.decisions import decide
from segsweep.search.race_statistics import ALPHA, compare, moderated_variances, share_of_round
from segsweep.search.requests import replicates
from segsweep.search.step_files import as_text, read_steps, step_file, write_step

CELLS = {"a": 0.90, "b": 0.899, "c": 0.6, "d": 0.5}
NOISE = 0.004


def study_of(seeds=None, **keys):
    seeds = {"start": 2, "at_most": 6} | (seeds or {})
    values = {"name": "raced", "train": {"epochs": 2}, "seeds": seeds, "grid": {"optimizer.lr": [1, 2, 3, 4]}}
    return Study.model_validate(values | keys)


def drawn(cell, seed, fold=None, cells=CELLS):
    number = list(cells).index(cell)
    error = np.random.default_rng([seed, number, 0 if fold is None else fold + 1]).normal()
    return cells[cell] + NOISE * float(error)


def scored(cell, seed, fold=None, failing=(), cells=CELLS):
    """Status and score of a run; those in `failing`, as (cell, seed), diverge."""
    return ("diverged", None) if (cell, seed) in failing else ("finished", drawn(cell, seed, fold, cells))


def entrants_of(study, cells=CELLS, failing=()):
    """What the runs show that are planned from the start."""
    found = []
    for cell in cells:
        scores = []
        for seed, fold in replicates(study, study.first_seeds):
            index = fold and fold["index"]
            status, score = scored(cell, seed, index, failing, cells)
            scores.append({"key": f"{cell}-s{seed}", "seed": seed, "fold": index, "status": status, "score": score})
        found.append({"cell": cell, "set": {}, "score": None, "epochs": 2, "scores": scores})
    return found


def results_of(state, failing=(), cells=CELLS):
    found = {}
    for item in state["requested"]:
        status, score = scored(item["cell"], item["seed"], item["fold"] and item["fold"]["index"], failing, cells)
        result = {"status": status, "epochs": item["epochs"], "curve": [None, score], "run": item["key"]}
        found[item["key"]] = result | {"segment": f"{item['key']}-end"}
    return found


def play(study, *, failing=(), entrants=None, states=(), shuffled=None):
    """All states of a study, from those that are there already."""
    states = list(states)
    while not states or not states[-1]["done"]:
        previous = states[-1] if states else None
        results = results_of(previous, failing) if previous else {}
        if shuffled:
            results = dict(shuffled.sample(list(results.items()), len(results)))
        states.append(
            decide(study, previous, results, candidates=entrants or entrants_of(study, failing=failing), basis="b")
        )
        assert len(states) < 20
    return states


def rounds(states, name="seeds"):
    return [one for state in states for one in state["log"] if one["kind"] == "raced" and one["race"] == name]


def standings(states, name="seeds"):
    return {one["cell"]: (one["standing"], one["seeds"]) for one in states[-1]["races"][name]["entrants"]}


def requested(states):
    return [[(item["cell"], item["seed"]) for item in state["requested"]] for state in states]


def test_the_hopeless_get_no_further_seed_and_the_two_good_ones_as_many_as_there_may_be():
    states = play(study_of())
    assert [state["phase"] for state in states] == ["race"] * 4 + ["done"]
    assert requested(states) == [[("a", seed), ("b", seed)] for seed in (2, 3, 4, 5)] + [[]]
    assert states[0]["requested"][0] == {
        "key": "race-a-s2", "role": "race", "trial": None, "set": {}, "cell": "a", "seed": 2, "fold": None,
        "epochs": 2, "total_epochs": 2,
    }  # fmt: skip
    assert standings(states) == {"a": ("racing", 6), "b": ("racing", 6), "c": ("behind", 2), "d": ("behind", 2)}
    assert [one["ended"] for one in rounds(states)] == [None] * 4 + ["at_most"]
    assert [one["seeds"] for one in rounds(states)] == [2, 3, 4, 5, 6]
    assert [one["level"] for one in rounds(states)] == [ALPHA * share_of_round(number) / 3 for number in range(1, 6)]
    best = states[-1]["best"]
    means = {cell: np.mean([drawn(cell, seed) for seed in range(6)]) for cell in "ab"}
    assert (best["cell"], best["score"]) == pytest.approx((max(means, key=means.get), max(means.values())))


def test_steps_of_earlier_versions_are_read_with_the_words_of_now(tmp_path):
    """They called a setting that fell behind `worse`."""
    states = play(study_of())
    for before, state in zip([None, *states], states, strict=False):
        file = step_file(tmp_path, state["step"])
        write_step(file, state, before)
        text = file.read_text()
        file.write_text(text.replace('"standing": "behind"', '"standing": "worse"'))
    assert '"worse"' in step_file(tmp_path, 0).read_text()
    assert read_steps(tmp_path) == states


def test_it_ends_when_one_is_left():
    states = play(study_of(), entrants=entrants_of(study_of(), CELLS | {"b": 0.8}))
    assert [one["ended"] for one in rounds(states)] == ["decided"]
    assert standings(states)["b"] == ("behind", 2)
    assert states[-1]["best"]["cell"] == "a"


def test_what_cannot_be_better_by_what_matters_gets_no_further_seed():
    states = play(study_of(matters=0.1))
    found = standings(states)
    assert [one["ended"] for one in rounds(states)] == ["decided"]
    assert sorted(found[cell][0] for cell in "ab") == ["no_gain", "racing"]
    assert states[-1]["best"]["cell"] == next(cell for cell in "ab" if found[cell][0] == "racing")


def test_lower_can_be_better():
    entrants = [
        one | {"scores": [score | {"score": 1 - score["score"]} for score in one["scores"]]}
        for one in entrants_of(study_of())
    ]
    first = decide(study_of(minimize=True), None, {}, candidates=entrants)
    plain = decide(study_of(), None, {}, candidates=entrants_of(study_of()))
    assert [one["standing"] for one in first["races"]["seeds"]["entrants"]] == ["racing", "racing", "behind", "behind"]
    (one,), (other,) = rounds([first]), rounds([plain])
    assert [entry["gain"] for entry in one["standings"]] == pytest.approx(
        [entry["gain"] for entry in other["standings"]]
    )
    assert [entry["mean"] for entry in one["standings"]] == pytest.approx(
        [1 - entry["mean"] for entry in other["standings"]]
    )


def test_folds_are_blocks_of_a_round():
    study = study_of({"start": 1, "at_most": 2}, folds=3)
    states = play(study)
    assert rounds(states)[0]["seeds"] == 1
    assert [item["key"] for item in states[0]["requested"]] == [
        f"race-{cell}-s1-f{fold}" for cell in "ab" for fold in range(3)
    ]
    assert standings(states)["c"] == ("behind", 1)


def test_a_setting_of_which_a_run_failed_cannot_win():
    assert standings(play(study_of(), failing={("a", 1)}))["a"] == ("failed", 2)
    states = play(study_of(), failing={("a", 4)})
    assert standings(states)["a"] == ("failed", 5)
    assert states[-1]["best"]["cell"] == "b"
    assert rounds(states)[-1]["ended"] == "decided"


def test_what_a_setting_had_dropped_is_back_once_a_run_of_that_one_failed():
    """a races on beside e, which is as good, and has dropped the others when both diverge."""
    study, cells = study_of({"at_most": 4}), {"a": 0.9, "b": 0.7, "c": 0.699, "d": 0.4, "e": 0.9}
    first = decide(study, None, {}, candidates=entrants_of(study, cells))
    assert {one["by"] for one in first["races"]["seeds"]["entrants"]} == {None, first["log"][0]["first"]}
    second = decide(study, first, results_of(first, {("a", 2), ("e", 2)}, cells))
    assert [(item["cell"], item["seed"]) for item in second["requested"]] == [("b", 2), ("c", 2), ("d", 2)]
    assert [one["kind"] for one in second["log"]] == ["returned"]
    third = decide(study, second, results_of(second, cells=cells))
    found = {one["cell"]: one["standing"] for one in third["races"]["seeds"]["entrants"]}
    assert found == {"a": "failed", "b": "racing", "c": "racing", "d": "behind", "e": "failed"}


def test_it_ends_where_all_failed_and_where_seeds_do_nothing():
    states = play(study_of(), failing={(cell, 0) for cell in CELLS})
    assert rounds(states)[-1]["ended"] == "failed"
    assert states[-1]["best"] is None
    same = [
        one | {"scores": [score | {"score": CELLS[one["cell"]]} for score in one["scores"]]}
        for one in entrants_of(study_of())
    ]
    states = play(study_of(), entrants=same)
    assert [one["ended"] for one in rounds(states)] == ["no_spread"]
    assert {one["standing"] for one in states[-1]["races"]["seeds"]["entrants"]} == {"racing"}


def test_one_setting_has_nothing_to_race_against():
    states = play(study_of(), entrants=entrants_of(study_of())[:1])
    assert (rounds(states)[-1]["ended"], states[-1]["best"]["cell"]) == ("decided", "a")


def test_ties_go_to_the_setting_that_comes_first():
    scores = np.array([[0.5, 0.6], [0.5, 0.6], [0.4, 0.45]])
    found = compare(scores, [0, 1, 2], 1)
    assert (found.first, found.standings[1].behind) == (0, 0)


@pytest.mark.parametrize("keys", [{}, {"confirm": {"top": 2, "seeds": {"at_most": 4}}}, {"folds": 2}])
def test_killed_anywhere_and_in_any_order_of_endings_it_ends_in_the_same_bytes(keys):
    study = study_of(**keys)
    states = play(study)
    texts = [as_text(state) for state in states]
    shuffled = play(study, shuffled=random.Random(1))
    assert [as_text(state) for state in shuffled] == texts
    for length in range(len(states)):
        assert valid_steps(study, states[:length], basis="b") == length
        assert [as_text(state) for state in play(study, states=copy.deepcopy(states[:length]))] == texts


def test_raising_at_most_keeps_what_is_there():
    short, long = study_of({"at_most": 4}), study_of({"at_most": 6})
    states = play(short)
    kept = valid_steps(long, states, basis="b")
    assert kept == len(states) - 1  # the last says that there may be no more seeds
    again = play(long, states=states[:kept])
    assert [as_text(state) for state in again] == [as_text(state) for state in play(long)]
    # Lowered, the steps hold that ask for no seed beyond.
    assert valid_steps(short, again, basis="b") == 2
    # One that ended by itself is not changed by it.
    done = play(study_of(matters=0.1))
    assert valid_steps(study_of({"at_most": 9}, matters=0.1), done, basis="b") == len(done)


@pytest.mark.parametrize("keys", [{"matters": 0.001}, {"seeds": {"start": 3}}, {"seeds": {"first": 1}}, {"folds": 2}])
def test_what_decisions_depend_on_starts_a_race_again(keys):
    states = play(study_of())
    changed = study_of(**{name: value for name, value in keys.items() if name != "seeds"}, seeds=keys.get("seeds"))
    assert valid_steps(changed, states, basis="b") == 0


def test_a_confirmation_races_on_seeds_of_its_own():
    study = study_of(seeds=None, confirm={"top": 3, "seeds": {"start": 2, "at_most": 5}})
    plain = study.model_copy(update={"seeds": [0, 1]})
    candidates = [{"cell": cell, "set": {}, "score": score} for cell, score in CELLS.items()]
    states = [decide(plain, None, {}, candidates=candidates, basis="b")]
    while not states[-1]["done"]:
        states.append(decide(plain, states[-1], results_of(states[-1])))
    assert requested(states) == [
        [(cell, seed) for cell in "abc" for seed in (1000, 1001)],
        *([("a", seed), ("b", seed)] for seed in (1002, 1003, 1004)),
        [],
    ]
    assert {item["role"] for state in states for item in state["requested"]} == {"confirm"}
    assert standings(states, "confirm")["c"] == ("behind", 2)
    ranking = states[-1]["confirmed"]
    assert [len(one["scores"]) for one in ranking] == [5, 5, 2]
    assert ranking[2]["cell"] == "c"
    longer = plain.model_copy(update={"confirm": study.confirm.model_copy(
        update={"seeds": study.confirm.seeds.model_copy(update={"at_most": 8})})})  # fmt: skip
    assert valid_steps(longer, states, basis="b") == len(states) - 1
    other = plain.model_copy(update={"matters": 0.01})
    assert valid_steps(other, states, basis="b") == 0


def test_no_single_run_drops_a_setting():
    """One run of b went wrong: by its mean it is far behind, without that run it is not."""
    good = [0.90, 0.901, 0.899, 0.9005]
    b = [0.8995, 0.9005, 0.70, 0.90]
    rest = [[0.6 + 0.001 * ((7 * row + 3 * column) % 5) for column in range(4)] for row in range(12)]
    found = compare(np.array([good, b, *rest]), list(range(14)), 3)
    assert found.standings[1].behind > 0.04
    assert found.standings[1].gain > 0
    assert all(found.standings[row].gain < 0 for row in range(2, 14))


def test_variances_by_hand():
    """Two settings on two blocks: one degree of freedom, and the residuals are a quarter of the interaction."""
    found = moderated_variances(np.array([[1.0, 2.0], [1.0, 4.0]]))
    assert (found.df, found.sd) == pytest.approx((1, 1.0))
    lone = moderated_variances(np.array([[1.0], [2.0]]))
    assert np.isnan(lone.sd)
    assert lone.df == 0


def test_settings_that_spread_more_than_others_keep_a_variance_of_their_own():
    rng = np.random.default_rng(0)
    equal = rng.normal(size=(30, 6))
    unequal = equal * np.where(np.arange(30) < 6, 12, 1)[:, None]
    assert np.ptp(moderated_variances(equal).of) < 1
    found = moderated_variances(unequal).of
    assert found[:6].min() > 3 * found[6:].max()


def test_the_level_of_all_rounds_there_may_ever_be_is_spent_once():
    assert sum(share_of_round(number) for number in range(1, 100_000)) == pytest.approx(1, abs=1e-4)
    assert all(one > other for one, other in itertools.pairwise(map(share_of_round, range(1, 50))))


SWEEP = {"trials": 2, "space": {"optimizer.lr": [1, 2]}}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"seeds": {"start": 1, "at_most": 8}}, "s.yaml:seeds/start: seeds.start: one seed does not show"),
        ({"seeds": {"start": 4, "at_most": 2}}, "s.yaml:seeds/at_most: seeds.at_most: at most 2 seeds, and every"),
        ({"seeds": {"at_most": 8, "until": "now"}}, "s.yaml:seeds/until: seeds.until is 'now'. Allowed: decided."),
        ({"seeds": {"start": 2}}, "s.yaml:seeds/at_most: the key 'seeds.at_most' is missing"),
        ({"seeds": {"at_mots": 8, "at_most": 8}}, "unknown key 'seeds.at_mots'. Did you mean 'at_most'?"),
        ({"seeds": 5}, "s.yaml:seeds: seeds is 5: input should be a valid list. Write a list: [5]."),
        ({"seeds": {"at_most": 8}, "grid": None, "sweep": SWEEP}, "s.yaml:seeds: seeds: only of `grid`, `runs`"),
        ({"confirm": {"seeds": {"at_most": 8}}}, "s.yaml:confirm/top: confirm.top: one setting alone cannot race"),
        (
            {"confirm": {"top": 2, "seeds": {"start": 1, "at_most": 8}}},
            "s.yaml:confirm/seeds/start: confirm.seeds.start",
        ),
    ],
)
def test_what_is_wrong_with_a_race_is_said_with_its_line_and_a_remedy(keys, said):
    values = {"name": "raced", "train": {"epochs": 2}, "grid": {"optimizer.lr": [1, 2]}} | keys
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(InputError, match=re.escape(said)):
        parse(Study, values, lambda place: "s.yaml:" + "/".join(map(str, place)))


def test_seeds_of_a_confirmation_are_fresh():
    def of(first):
        study = study_of({"at_most": 20}, confirm={"top": 2, "seeds": {"at_most": 4} | first})
        return problems(study, lambda place: "s.yaml:" + "/".join(place))

    assert of({}) == []
    (stale,) = of({"first": 18})
    assert stale.startswith("s.yaml:confirm/seeds: [18, 19] are seeds of the study itself")


def test_a_program_of_ones_own_has_to_be_told_the_seed(tmp_path):
    values = {
        "name": "raced",
        "command": "train --out {out}",
        "epochs": 2,
        "seeds": {"at_most": 3},
        "runs": [{"id": 1}],
    }
    study = Study.model_validate(values | {"metric": "val/score"})
    found = program_problems(study, {}, tmp_path, lambda place: "s.yaml:" + "/".join(map(str, place)))
    assert any("the seeds are [0, 1, 2], and the program is not told which" in one for one in found)

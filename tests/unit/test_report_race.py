"""What a report says of a race of seeds, and what its other statements pay for it."""

import json

import pandas as pd
import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.best_setting import choose
from segsweep.analysis.study_results import open_results
from segsweep.errors import InputError
from tests.raced_study import write_raced_study
from tests.unit.test_report_search import report_of


def test_the_report_tells_the_rounds_the_end_and_what_was_saved(tmp_path):
    write_raced_study(tmp_path)
    text = report_of(tmp_path)
    assert "Seeds raced: each was trained with 2, and those that stayed in the race with up to 5." in text
    assert "| Seeds | 2 to 5, from 0 on | `seeds` |" in text
    assert "- Seeds raced: of 4 settings 2 were left after 5 seeds, in 14 of 20 runs; see the section" in text
    section = text.partition("## Race of seeds")[2].partition("\n## ")[0]
    assert "4 settings began with 2 seeds each, and 5 seeds were the most that any could get." in section
    assert "It ended because no seeds were left. 2 settings were left after 5 seeds; `lr=0.01` is first" in section
    assert "It took 14 runs, 70% of the 20 that all seeds for all settings would have taken: 6 runs saved." in section
    assert section.count("dropped: behind |") == 2
    rows = pd.read_csv(tmp_path / "race_rounds.csv")
    assert list(rows["seeds"]) == [2, 3, 4, 5]
    assert list(rows["left"]) == [2, 2, 2, 2]
    assert "no gain" not in section


def test_what_cannot_matter_ends_it_and_is_not_called_worse(tmp_path):
    write_raced_study(tmp_path, matters=0.2)
    section = report_of(tmp_path).partition("## Race of seeds")[2].partition("\n## ")[0]
    assert "It ended because one setting was left." in section
    assert "1 setting is not known to be behind the first" in section
    assert list(pd.read_csv(tmp_path / "race_settings.csv")["standing"]) == ["first", "no_gain", "behind", "behind"]


def test_each_p_counts_as_often_as_the_race_may_look(tmp_path):
    write_raced_study(tmp_path)
    raced = Analysis(open_results(tmp_path))
    content = json.loads((tmp_path / "plan.json").read_text())
    content["study"]["seeds"] = [0, 1, 2, 3, 4]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    plain = Analysis(open_results(tmp_path))
    assert (raced.results.looks, plain.results.looks) == (4, 1)
    for one, other in zip(raced.rows("findings"), plain.rows("findings"), strict=True):
        if one["kind"] != "cells":
            assert one["p_study"] == pytest.approx(min(1, 4 * other["p_study"]))
            assert 1 - one["confidence"] == pytest.approx((1 - other["confidence"]) / 4)
            assert one["high"] - one["low"] > other["high"] - other["low"]


@pytest.mark.parametrize(
    ("levels", "verdict", "said"),
    [([0.01], "undecided", "p = 0.139, undecided."), ([1e-3, 0.01], "supported", "p < 0.001.")],
)
def test_a_claim_states_the_p_that_its_table_holds(tmp_path, levels, verdict, said):
    write_raced_study(tmp_path)
    content = json.loads((tmp_path / "plan.json").read_text())
    content["study"]["claims"] = [{"id": "H", "claim": "These are best.", "best_in": {"optimizer.lr": levels}}]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    (row,) = Analysis(open_results(tmp_path)).rows("claims")
    assert row["verdict"] == verdict
    assert row["p"] == pytest.approx(0.139 if verdict == "undecided" else 0.0, abs=1e-3)
    assert row["detail"].endswith(f"Its seeds raced, so its p counts 4 times: {said}")


def test_levels_that_another_program_wrote_anew_are_told(tmp_path):
    """0.0001 in place of 1e-4: no level of the study, so the run would enter no comparison of levels."""
    write_raced_study(tmp_path)
    runs = pd.read_csv(tmp_path / "runs.csv", dtype={"cell": str})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(InputError, match=r"optimizer.lr of run .* is '0.0001', and in cells.csv its cell has '1e-4'"):
        open_results(tmp_path)


def test_dropped_settings_rank_behind_the_others(tmp_path):
    write_raced_study(tmp_path)
    table = pd.read_csv(tmp_path / "race_settings.csv", dtype={"cell": str})
    runs = pd.read_csv(tmp_path / "runs.csv", dtype={"cell": str, "optimizer.lr": str})
    worst = table.loc[table["standing"] == "behind", "cell"].iloc[-1]
    runs.loc[runs["cell"] == worst, open_results(tmp_path).metric] = 0.999  # as if the others had fallen behind since
    runs.to_csv(tmp_path / "runs.csv", index=False)
    analysis = Analysis(open_results(tmp_path))
    first = table.loc[table["standing"] == "first", "cell"].iloc[0]
    ranked = [row["cell"] for row in analysis.rows("ranking")]
    assert ranked[0] == first
    assert ranked.index(worst) == 2
    assert analysis.best["cell"] == first


def test_a_setting_that_the_race_of_a_confirmation_dropped_is_not_chosen(tmp_path):
    write_raced_study(tmp_path)
    results = open_results(tmp_path)
    first, second = results.runs["cell"].unique()[:2]
    confirmed = [{"cell": first, "n": 2, "mean": 0.9}, {"cell": second, "n": 4, "mean": 0.8}]
    ranking = Analysis(results).ranked
    assert choose(results, ranking, confirmed)[0] == first
    results.plan.study["confirm"] = {"seeds": {"first": 1000, "start": 2, "at_most": 4, "until": "decided"}}
    results.race_settings = pd.DataFrame({"race": ["confirm"], "cell": [first], "standing": ["no_gain"]})
    assert choose(results, ranking, confirmed) == (second, "the best mean of 4 fresh seeds among 2 confirmed settings")

"""What single sections say of drawn studies whose tables were changed to hold one thing."""

import csv
import json
import re

import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from segsweep.report.build import build
from segsweep.report.claiming_words import claims_in
from segsweep.report.marks import unmarked
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections import setup
from segsweep.report.sections.factor_verdicts import is_loss
from segsweep.report.sections.next_steps import _nothing_left
from segsweep.report.verify import verify
from tests.synthetic_files import write_rows, write_study

LR, BATCH = "optimizer.lr", "batch_size"
AXES = {LR: [1e-4, 1e-3, 1e-2], BATCH: [4, 8]}


def rows_of(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def change(folder, name, rows):
    write_rows(folder / name, list(rows[0]), rows)


def report(folder, *, alter_runs=None, alter_tables=None, study=None, **options):
    """The report of a drawn study; its runs are altered before the analysis, other tables behind it."""
    write_study(folder, name="s", **{"axes": AXES, "effects": {}, "epochs": 6, "noise": 0.01} | options)
    if study:
        plan = json.loads((folder / "plan.json").read_text())
        plan["study"] |= study
        (folder / "plan.json").write_text(json.dumps(plan))
    if alter_runs:
        rows = rows_of(folder, "runs.csv")
        alter_runs(rows)
        change(folder, "runs.csv", rows)
    Analysis(open_results(folder)).write(folder)
    if alter_tables:
        alter_tables(folder)
    build(folder, folder, partial=True)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert verify(text, (folder / "report.sources.csv").read_text(encoding="utf-8"), folder) == []
    return text


def section(text, title):
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def test_what_levels_that_are_sections_change_is_not_said_of_all_settings(tmp_path):
    sgd, adam = {"name": "sgd", "lr": 0.05}, {"name": "adam", "lr": 0.05}
    write_study(tmp_path, name="s", axes={"optimizer": [{"name": "sgd"}, {"name": "adam"}], BATCH: [4, 8]})
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["study"]["train"] = {"optimizer": sgd, "model": {"arch": "unet"}}
    for cell in plan["cells"]:
        cell["train"] = {"optimizer": adam if cell["settings"]["optimizer"]["name"] == "adam" else sgd}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    Analysis(open_results(tmp_path)).write(tmp_path)
    build(tmp_path, tmp_path, partial=True)
    said = section((tmp_path / "report.md").read_text(encoding="utf-8"), "What was studied")
    assert "`optimizer.name`" not in said
    assert re.search(r"\| Learning rate \| 0.05 \| `optimizer.lr` \|", said)
    assert re.search(r"\| Optimizer \| `optimizer` \| 2 \| `sgd`, `adam` \|", said)


def test_the_summary_says_what_passed_and_what_the_best_was_chosen_from(tmp_path):
    text = section(report(tmp_path, effects={LR: [0.0, 0.0, 0.2]}), "Summary")
    assert "The best setting, chosen from 6 ranked settings, is `lr=0.01" in text
    assert re.search(r"Expect about 0\.\d{4} of fresh seeds\.", text)
    assert "For the learning rate, `0.01` is better than each of the 2 other levels; the closest is" in text
    assert "is the highest value tried: higher ones are untested." in text
    assert "It is undecided whether levels of the batch size differ" in text
    assert "explains" not in text
    assert "draws" not in text


def test_a_grid_with_one_seed_states_a_large_difference_and_says_what_it_rests_on(tmp_path):
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [4, 8, 16], "model.arch": ["unet", "fpn", "linknet"]}
    text = report(tmp_path, axes=axes, effects={LR: [0.0, 0.1, 0.2]}, seeds=(0,))
    assert "is better than each of the 2 other levels" in section(text, "Summary")
    assert "is not known, so differences are judged by what the additive model" in section(text, "Summary")
    assert "of a fresh run is likely to be lower" in section(text, "Summary")
    assert "More seeds for the settings at the top" in section(text, "What to try next")


def test_where_nothing_can_be_tested_nothing_is_stated(tmp_path):
    text = report(tmp_path, axes={LR: [1e-4, 1e-3]}, effects={LR: [0.0, 0.3]}, seeds=(0,))
    assert "better than" not in text
    assert "One run a setting. There is nothing to test differences with" in section(text, "Summary")
    assert "settings are described, not compared." in section(text, "Summary")
    assert "These results recommend no level: there is nothing to test differences with." in text


def test_a_setting_behind_one_with_failed_runs_is_not_called_the_best(tmp_path):
    def failed(rows):
        next(row for row in rows if (row[LR], row[BATCH]) == ("0.01", "8")).update(
            {"status": "failed", "best_epoch": "", "val/jaccard": ""}
        )

    text = section(report(tmp_path, effects={LR: [0.0, 0.0, 0.2], BATCH: [0.0, 0.1]}, alter_runs=failed), "Summary")
    assert "The best setting" not in text
    assert "The setting to use is `lr=0.01 batch_size=4`, which ranks 2 of 6, with" in text
    assert "It was chosen by the best mean score of 5 settings none of whose runs failed; 1 ranked higher" in text


def test_equal_levels_are_chosen_by_cost_and_none_is_called_best(tmp_path):
    text = report(tmp_path, seeds=(0, 1))
    assert "better than any of" in text
    assert re.search(r"\*\*Recommendation\.\*\* No pair of its levels is shown to differ .*: choose by cost", text)
    assert "highest mean" not in text


def test_convergence_is_not_compared_where_many_runs_were_best_in_their_last_epoch(tmp_path):
    def late(rows):
        for i, row in enumerate(rows):
            row["best_epoch"] = row["epochs"] if i % 2 else 3

    text = report(tmp_path, alter_runs=late)
    assert "**Convergence.** Not compared: 9 of 18 runs were at their best in the last epoch" in text
    assert "Mean epochs to the best" not in text


def test_convergence_is_described_without_an_order_otherwise(tmp_path):
    def early(rows):
        for row in rows:
            row["best_epoch"] = row["convergence/epochs_to_best"] = 3 if row[BATCH] == "4" else 5

    text = report(tmp_path, alter_runs=early)
    assert "Mean epochs to the best: 3.0 with `4` and 5.0 with `8` (described, not tested)." in text


@pytest.mark.parametrize(
    ("axis", "yes"),
    [("loss.main", True), ("loss", True), ("criterion", True), ("training.loss", True), ("optimizer.lr", False)],
)
def test_which_axes_change_the_criterion(axis, yes):
    assert is_loss(axis) == yes


def test_losses_of_different_criteria_are_not_compared(tmp_path):
    axes = {"loss.main": [{"bce": 1.0}, {"dice": 1.0}]}
    text = report(tmp_path, axes=axes)
    assert "**Generalisation.** Losses are not compared: those of these levels are not the same criterion." in text
    assert "gap between validation" not in text.partition("**Generalisation.**")[2].partition("**Recommendation.**")[0]


def test_a_level_whose_runs_failed_is_not_recommended_without_saying_so(tmp_path):
    def failed(rows):
        for row in [row for row in rows if row[LR] == "0.01"][:2]:
            row |= {"status": "diverged", "best_epoch": "", "val/jaccard": ""}

    text = report(tmp_path, effects={LR: [0.0, 0.0, 0.2]}, alter_runs=failed)
    part = text.partition("### Learning rate")[2].partition("### ")[0]
    assert "`0.01` is better than" in part
    assert "Mind that 2 of 6 runs with `0.01` did not finish." in part
    assert "; but 2 of 6 runs with `0.01` did not finish." in section(text, "What to try next")


def test_a_pruned_run_before_the_best_is_named_and_proposed_for_finishing(tmp_path):
    def prune(rows):
        rows[0] |= {"status": "pruned", "val/jaccard": "0.9999", "epochs": "2"}

    text = report(tmp_path, kind="sweep", trials=8, seeds=(0,), alter_runs=prune)
    run = rows_of(tmp_path, "runs.csv")[0]["run"]
    assert f"`{run}` was pruned with a validation Jaccard index of 0.9999" in section(text, "Summary")
    assert f"Finishing `{run}`, which was pruned after 2 epochs" in section(text, "What to try next")
    assert f"`{run}` was pruned with 0.9999" in section(text, "Ranking")


def test_each_row_of_the_ranking_leads_to_its_runs_and_folders(tmp_path):
    def segments(rows):
        for row in rows:
            row["segments"] = f"aaaa-0003 {row['run']}-0006"

    text = report(tmp_path, alter_runs=segments)
    behind = section(text, "Appendix: Runs behind the ranking")
    for row in rows_of(tmp_path, "ranking.csv"):
        assert f"| `{row['cell']}` |" in section(text, "Ranking")
    for row in rows_of(tmp_path, "runs.csv"):
        assert re.search(rf"\| `{row['run']}` \| finished \| 0\.\d{{4}} \| `{row['run']}-0006` \|", behind)


def test_an_outlier_is_counted_and_whether_findings_change_without_it(tmp_path):
    def outlier(rows):
        rows[-1]["val/jaccard"] = "0.05"

    text = report(tmp_path, effects={LR: [0.0, 0.0, 0.1]}, alter_runs=outlier)
    run = rows_of(tmp_path, "runs.csv")[-1]["run"]
    assert f"`{run}` lies far from what the other runs say of its setting; without it findings are others" in (
        section(text, "Summary")
    )
    assert "by the spread of their own runs" in section(text, "Method")
    assert "see `outliers.csv`" in section(text, "Summary")
    assert f"A look at the logs and curves of `{run}`" in section(text, "What to try next")
    assert "lies far" not in section(report(tmp_path / "none", effects={LR: [0.0, 0.0, 0.1]}), "Summary")


def test_the_practical_threshold_is_stated(tmp_path):
    text = report(tmp_path, effects={LR: [0.0, 0.0, 0.2]}, study={"matters": 0.005})
    assert re.search(r"practical threshold is a difference of 0\.005: all \d+ stated differences lie beyond it", text)
    assert "beyond the practical threshold of 0.005" in text
    assert "Beyond threshold" in text


def test_diagnostics_stand_in_the_appendix(tmp_path):
    text = report(tmp_path)
    before, appendix = text.split("## Appendix: Analysis of variance and diagnostics")
    for word in ("Shapiro", "Brown-Forsythe", "partial eta squared", "ANOVA"):
        assert word.lower() not in before.lower(), word
    assert "Shapiro-Wilk" in appendix


def test_intervals_of_levels_stay_within_the_range_of_the_metric(tmp_path):
    text = report(tmp_path, axes={LR: [1e-4, 1e-3], BATCH: [4, 8]}, seeds=(0, 1), noise=0.2, base=0.9)
    part = text.partition("### Learning rate")[2].partition("![")[0]
    ends = [float(end) for pair in re.findall(r"(-?\d\.\d{4}) to (-?\d\.\d{4})", part) for end in pair]
    assert ends
    assert all(0 <= end <= 1 for end in ends)


def test_names_of_the_study_are_used(tmp_path):
    names = {LR: "Learning rate of Adam", "0.01": "fast"}
    text = report(tmp_path, effects={LR: [0.0, 0.0, 0.2]}, study={"names": names})
    assert "For the learning rate of Adam, fast is better than each of the 2 other levels" in text
    assert "### Learning rate of Adam\n" in text


def test_findings_are_selected_by_kind_and_axis(tmp_path):
    report(tmp_path, effects={LR: [0.0, 0.0, 0.2]})
    results = QuotedResults(tmp_path, tmp_path)
    assert set(results.findings("levels", axis=BATCH)["axis"]) == {BATCH}
    assert set(results.findings(stated=True)["verdict"]) <= {"better", "worse", "edge", "interact", "rises", "falls"}
    assert len(results.findings()) == len(rows_of(tmp_path, "findings.csv"))


def test_a_study_of_epochs_is_drawn_and_counts_runs_that_were_best_at_the_end(tmp_path):
    def best_at_the_end(rows):
        for row in rows:
            row["best_epoch"] = row["epochs"]

    axes = {LR: [1e-4, 1e-3], BATCH: [4, 8], "epochs": [10, 20]}
    text = report(tmp_path, axes=axes, effects={LR: [0.0, 0.2]}, seeds=(0,), alter_runs=best_at_the_end)
    assert text.count("](figures/heatmap_") == 3
    assert "Not compared: 8 of 8 runs were at their best in the last epoch" in section(text, "Hyperparameters")
    assert "More epochs: 8 of 8 runs were at their best in the last one." in section(text, "What to try next")


def fail(*numbers):
    """Alters the runs of these numbers into failed ones."""

    def alter(rows):
        for number in numbers:
            rows[number] |= {"status": "failed", "best_epoch": "", "val/jaccard": ""}

    return alter


def test_a_failed_run_is_named_once_with_all_levels_that_the_best_setting_shares_with_it(tmp_path):
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [4, 8], "model.arch": ["unet", "fpn"]}
    effects = {LR: [0.0, 0.0, 0.2], BATCH: [0.0, 0.1], "model.arch": [0.0, 0.1]}

    def failed(rows):
        chosen = [row for row in rows if (row[LR], row[BATCH], row["model.arch"]) == ("1e-4", "8", "fpn")]
        chosen[0] |= {"status": "failed", "best_epoch": "", "val/jaccard": ""}

    text = section(report(tmp_path, axes=axes, effects=effects, seeds=(0, 1), alter_runs=failed), "Recommendation")
    assert "Mind that 1 run with batch size `8` and architecture `fpn` failed." in text
    assert len(re.findall(r"\d run", text.partition("Mind that")[2].partition("\n")[0])) == 1


def test_where_no_run_is_usable_the_report_says_that_and_no_more(tmp_path):
    text = report(tmp_path, alter_runs=fail(*range(18)))
    assert "No run has a usable score: there is nothing to judge differences by" in section(text, "Method")
    assert "no usable run has both" in section(text, "Method")
    assert "0 cells with usable runs, and 20 are needed" in text
    assert "One run a setting" not in text
    assert "Runs behind the ranking" not in text


def test_where_one_run_is_usable_nothing_is_said_of_the_other_settings(tmp_path):
    text = report(tmp_path, alter_runs=fail(*range(1, 18)), study={"table": {"file": "x.csv"}})
    assert "1 of these has 1 usable run, the others none." in section(text, "What was studied")
    assert "One usable run a setting." in section(text, "Summary")
    assert "of which one run is usable" in section(text, "What to try next")
    assert "1 setting; it has runs that failed" in section(text, "Recommendation")
    assert "change together" not in text


@pytest.mark.parametrize(("left_out", "why"), [("", "missing"), ("runs", "left out by the budget")])
def test_of_runs_that_were_not_trained_it_is_said_how_many(tmp_path, left_out, why):
    def lose(rows):
        gone = rows.pop()
        one = {name: gone.get(name, "") for name in ("cell", "run", "seed", "fold", "role")} | {"have": 0, "want": 1}
        write_rows(tmp_path / "missing.csv", [*one, "detail", "left_out"], [one | {"detail": "", "left_out": left_out}])

    text = section(report(tmp_path, alter_runs=lose), "What was studied")
    assert f"They were to be trained with 3 seeds each: 1 run is {why}." in text
    whole = section(report(tmp_path / "whole"), "What was studied")
    assert "They were trained with 3 seeds each." in whole


def test_how_runs_ended_is_recorded_in_the_summary(tmp_path):
    text = report(tmp_path, alter_runs=fail(0))
    assert "Of 18 runs, 1 failed." in section(text, "Summary")
    changed = text.replace("Of 18 runs, 1 failed.", "Of 18 runs, 1 diverged.")
    assert verify(changed, (tmp_path / "report.sources.csv").read_text(encoding="utf-8"), tmp_path)


def test_lines_are_drawn_of_pairs_that_interact_only(tmp_path):
    """Means of an undecided pair show the gaps of a design: here that of a run that failed."""
    text = report(tmp_path, effects={LR: [0.0, 0.1, 0.2]}, alter_runs=fail(0))
    assert "whether the learning rate and the batch size interact" in text
    assert "figures/interactions.png" not in text


def test_convergence_says_so_where_no_table_tells_how_soon_runs_reached_their_best(tmp_path):
    def unknown(rows):
        for row in rows:
            row |= {"best_epoch": "", "convergence/epochs_to_best": ""}
        fail(0)(rows)

    part = report(tmp_path, alter_runs=unknown).partition("**Convergence.**")[2].partition("**Generalisation.**")[0]
    assert part.startswith(" These results do not say how soon runs reached their best. 1 run with `1e-4` failed.")


def test_the_method_says_that_the_best_epoch_is_chosen_on_the_split_that_ranks(tmp_path):
    text = section(report(tmp_path), "Method")
    assert "The best epoch is chosen on the same validation split by which settings are ranked" in text


def test_the_better_of_two_values_asks_for_values_beyond(tmp_path):
    axes = {LR: [1e-4, 1e-3], BATCH: [4, 8]}
    text = section(report(tmp_path, axes=axes, effects={LR: [0.0, 0.2]}), "What to try next")
    assert "Whether higher values of the learning rate do better still is open: of the two tried" in text
    assert "values of the batch size" not in text


def test_a_study_with_nothing_to_judge_by_does_not_say_that_it_asks_for_nothing(tmp_path):
    report(tmp_path, axes={LR: [1e-4, 1e-3]}, seeds=(0,))
    assert _nothing_left(QuotedResults(tmp_path, tmp_path)) == "nothing_to_judge"
    report(tmp_path / "tested")
    assert _nothing_left(QuotedResults(tmp_path / "tested", tmp_path / "tested")) == "nothing_more"


def test_how_pages_were_cut_and_what_was_drawn_of_them(tmp_path):
    cut = {"patches": {"page_size": 2048, "size": 512, "overlap": 256}, "train_subset": 700, "val_subset": 5}
    text = section(report(tmp_path, study={"train": {"data": cut}}), "What was studied")
    assert "| Longer side of a page | 2,048 | `data.patches.page_size` |" in text
    assert "| Overlap of patches | 256 | `data.patches.overlap` |" in text
    assert "| Training patches, drawn by seed | 700 |" in text
    assert "| Validation pages, drawn by seed | 5 |" in text


def test_the_set_up_table_claims_nothing_by_its_words():
    names = [name for name, _, _ in setup.FIXED] + list(setup.OF_PATCHES.values())
    assert claims_in("\n".join(names)) == []


@pytest.mark.parametrize(
    ("dtype", "preprocessing", "said"),
    [
        ("uint8", "standardize", "standardize (ImageNet's mean and deviation of each channel)"),
        ("uint8", "normalize", "normalize (the training images' mean and deviation of each channel)"),
        ("uint16", "standardize", "standardize (the training images' mean and deviation of each channel)"),
        ("uint16", "none", "none"),
    ],
)
def test_the_set_up_says_by_which_statistics_images_were_standardized(tmp_path, dtype, preprocessing, said):
    write_study(tmp_path, name="s", axes=AXES)
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["study"]["train"] = {"data": {"preprocessing": preprocessing}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    row = {"data": "key", "split": "train", "channels": 3, "dtype": dtype}
    write_rows(tmp_path / "data.csv", list(row), [row])
    Analysis(open_results(tmp_path)).write(tmp_path)
    text = unmarked(setup.set_up(QuotedResults(tmp_path, tmp_path)))
    assert f"| Preprocessing | {said} | `data.preprocessing` |" in text


def test_the_test_score_claims_no_more_than_was_done(tmp_path):
    def score_on_test(folder):
        ranking = rows_of(folder, "ranking.csv")
        rows = [
            {"cell": one["cell"], "run": one["best_run"], "method": "single model", "members": 1, "trained_on": "train",
             "epoch": 6, "own": 0.8, "images": 6, "low": 0.6, "high": 0.8, "drawn": 6, "test/jaccard": 0.7}
            for one in ranking
        ]  # fmt: skip
        write_rows(folder / "test.csv", list(rows[0]), rows)
        about = {"of": "top 2", "retrain": "none", "metric": "test/jaccard", "draws": 2000, "images": 6}
        (folder / "test.json").write_text(json.dumps(about | {"notes": []}))
        look = {"by": "score_test", "of": "best", "runs": [one["run"] for one in rows], "metric": "test/jaccard"}
        looks = {"looks": [look | {"how": "", "first": "2026-01-01"}]}
        (folder / "test_looks.json").write_text(json.dumps(looks))

    text = section(report(tmp_path, alter_tables=score_on_test, axes={BATCH: [4, 8]}, epochs=2), "Test score")
    assert "segsweep chose without these scores" in text
    assert "by which nothing was chosen" not in text  # of what people chose nothing is known
    assert "chooses by the test split" in text
    assert "too narrow" in text
    assert "in this study so far: 1." in text

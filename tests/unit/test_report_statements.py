"""Sentences from findings: hand-made findings, the right sentence; a report that says more is found out."""

import ast
import csv
import io
import json
import re
from pathlib import Path

import pytest

from segsweep.report import sections
from segsweep.report.claiming_words import claims_in
from segsweep.report.explanations import EXPLANATIONS
from segsweep.report.finding_sentences import FORMS, sentence
from segsweep.report.number_ledger import Ledger, UnsourcedError, numbers_in, sources_csv
from segsweep.report.sources import SourceFiles
from segsweep.report.study_words import StudyWords
from segsweep.report.verify import against_sources, compare_text

SECTIONS = Path(sections.__file__).parent
COLUMNS = (
    "id", "kind", "axis", "axis_b", "a", "b", "estimate", "low", "high", "confidence", "test", "n", "statistic", "df",
    "p", "p_study", "beats", "matters", "verdict", "note",
)  # fmt: skip
LR, ARCH = "optimizer.lr", "model.arch"
ROWS = [
    {"kind": "levels", "axis": LR, "a": "1e-4", "b": "1e-3", "estimate": -0.298, "low": -0.43, "high": -0.166,
     "p_study": 0.0001, "beats": 0.001, "matters": "yes", "verdict": "worse", "note": "2 of 6 runs with 1e-3 failed"},
    {"kind": "levels", "axis": LR, "a": "1e-4", "b": "1e-2", "estimate": -0.1, "low": -0.2, "high": 0.0012,
     "p_study": 0.06, "beats": 0.2, "matters": "unclear", "verdict": "undecided"},
    {"kind": "levels", "axis": LR, "a": "1e-3", "b": "1e-2", "estimate": 0.2, "low": 0.1, "high": 0.3,
     "p_study": 0.01, "beats": 0.9, "matters": "yes", "verdict": "better"},
    {"kind": "levels", "axis": ARCH, "a": "unet", "b": "fpn", "estimate": -0.0311, "low": -0.155, "high": 0.093,
     "p_study": 1, "beats": 0.4, "matters": "unclear", "verdict": "undecided"},
    {"kind": "interaction", "axis": LR, "axis_b": ARCH, "estimate": 0.73, "p_study": 0.038, "verdict": "interact"},
    {"kind": "interaction", "axis": LR, "axis_b": ARCH, "estimate": 0.01, "p_study": 0.9, "verdict": "undecided"},
    {"kind": "edge", "axis": LR, "a": "1e-2", "b": "high", "estimate": 0.1, "low": 0.05, "high": 0.15,
     "p_study": 0.004, "verdict": "edge", "note": "2 of 6 runs with 1e-2 failed"},
    {"kind": "cells", "a": "c1", "b": "c2", "estimate": 0.1, "p_study": 0.01, "verdict": "better"},
    {"kind": "cells", "a": "c1", "b": "c3", "estimate": 0.01, "p_study": 1, "verdict": "undecided"},
    {"kind": "correlation", "axis": "cost/train_seconds", "estimate": 0.87, "low": 0.3, "high": 0.98, "n": 8,
     "p_study": 0.02, "verdict": "rises"},
    {"kind": "levels", "axis": ARCH, "a": "unet", "b": "fpn", "verdict": "confounded"},
    {"kind": "levels", "axis": ARCH, "a": "unet", "b": "fpn", "estimate": 0.1, "verdict": "described"},
]  # fmt: skip


def write_results(folder, rows=ROWS, **study):
    plan = {"axes": [LR, ARCH], "study": {"name": "s", "matters": None, "names": {}} | study}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "analysis.json").write_text(json.dumps({"metric": "val/miou", "minimize": False}))
    (folder / "ranking.csv").write_text("cell,label\nc1,lr=1e-3 arch=unet\nc2,lr=1e-4 arch=fpn\nc3,lr=1e-2\n")
    with (folder / "findings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"id": f"F{i}"} | row for i, row in enumerate(rows, 1))
    return folder


def said(folder, form, *numbers, **study):
    files = SourceFiles(write_results(folder, **study))
    table = files.table("findings.csv")
    return sentence(form, [table[number - 1] for number in numbers], StudyWords(files))


def test_levels_that_differ_are_stated_with_their_numbers(tmp_path):
    assert said(tmp_path, f"axis:{LR}", 1, 2, 3) == (
        "For the learning rate, `1e-3` is better than each of the 2 other levels; the closest is `1e-2` "
        "(by 0.2000, corrected interval 0.1000 to 0.3000, corrected p = 0.010)."
    )
    assert said(tmp_path, f"axis:{LR}", 1) == (
        "For the learning rate, `1e-3` is better than `1e-4` "
        "(by 0.2980, corrected interval 0.1660 to 0.4300, corrected p < 0.001)."
    )


def test_levels_that_ranks_tell_apart_are_not_said_to_differ_by_an_interval_that_holds_nothing(tmp_path):
    files = SourceFiles(write_results(tmp_path))
    row = files.table("findings.csv")[0] | {"low": "-0.4300", "high": "0.0100"}
    assert sentence(f"axis:{LR}", [row], StudyWords(files)) == (
        "For the learning rate, `1e-3` is better than `1e-4` "
        "(by 0.2980, corrected p < 0.001 by ranks; the corrected interval of the means, -0.0100 to 0.4300, holds 0)."
    )


def test_a_recommendation_names_every_pair_that_differs_and_runs_that_failed(tmp_path):
    assert said(tmp_path, f"recommendation:{LR}", 1, 2, 3, 5) == (
        "`1e-3` is better than `1e-2` (by 0.2000, corrected interval 0.1000 to 0.3000, corrected p = 0.010) and `1e-4` "
        "(by 0.2980, corrected interval 0.1660 to 0.4300, corrected p < 0.001). Only `1e-3` is not shown to be worse "
        "than another level. Mind that 2 of 6 runs with `1e-3` did not finish. The learning rate interacts with the "
        "architecture: choose them together."
    )


def test_runs_that_failed_are_named_of_recommended_levels_only(tmp_path):
    rows = [{"note": "1 of 6 runs with 1e-4 failed; 3 of 6 runs with 1e-2 failed"}, {}, {}]
    rows = [ROWS[i] | row for i, row in enumerate(rows)]
    files = SourceFiles(write_results(tmp_path, [*rows, ROWS[3] | {"note": "1 of 9 runs with unet failed"}]))
    table, words = files.table("findings.csv"), StudyWords(files)
    assert "Mind" not in sentence(f"recommendation:{LR}", table[:3], words)  # both are worse than 1e-3
    assert "Mind" not in sentence(f"recommendation:{ARCH}", table[3:], words)  # nothing is recommended


def test_a_further_pair_that_differs_is_named(tmp_path):
    rows = [*ROWS[:1], ROWS[1] | {"verdict": "worse", "p_study": 0.03}, *ROWS[2:3]]
    files = SourceFiles(write_results(tmp_path, rows))
    text = sentence(f"axis:{LR}", files.table("findings.csv"), StudyWords(files))
    assert text.endswith(" `1e-2` is also better than `1e-4`.")


@pytest.mark.parametrize(
    ("kinds", "start"),
    [
        (("number", "number"), "A finer grid over the learning rate and the architecture together, which interact"),
        (("number", "category"), "More values of the learning rate for each architecture; these two interact"),
        (("category", "number"), "More values of the architecture for each learning rate; these two interact"),
        (("category", "category"), "A choice of the learning rate and the architecture together; these two interact"),
    ],
)
def test_only_numbers_have_a_finer_grid(tmp_path, kinds, start):
    write_kinds(tmp_path, *kinds)
    assert said(tmp_path, "interaction_to_try", 5) == f"{start} (corrected p = 0.038)."


def write_kinds(folder, lr, arch):
    (folder / "factor_summary.csv").write_text(f"axis,kind\n{LR},{lr}\n{ARCH},{arch}\n")


def test_the_better_of_two_values_asks_for_values_beyond_it(tmp_path):
    assert said(tmp_path, "better_at_end", 1) == (
        "Whether higher values of the learning rate do better still is open: of the two tried, `1e-3` is better than "
        "`1e-4` (corrected p < 0.001)."
    )
    assert said(tmp_path, "better_at_end", 3).startswith("Whether lower values of the learning rate do")


def test_a_pair_that_differs_is_named_even_if_the_best_level_is_not_in_it(tmp_path):
    text = said(tmp_path, f"recommendation:{LR}", 2, 3)
    assert text.startswith("`1e-3` is better than `1e-2` (by")
    assert "Not shown to be worse than another level: `1e-4` and `1e-3`; choose among these." in text
    assert "cost" not in text


def test_without_a_difference_cost_may_choose_unless_axes_interact(tmp_path):
    start = "Whether `unet` and `fpn` differ is undecided (corrected p > 0.99)"
    assert said(tmp_path, f"recommendation:{ARCH}", 4) == f"{start}: choose by cost or convenience."
    assert said(tmp_path, f"recommendation:{ARCH}", 4, 5).startswith(f"{start}. The architecture interacts with")


@pytest.mark.parametrize(
    ("form", "numbers", "text"),
    [
        ("interaction", [5],
         "The learning rate and the architecture interact (partial eta squared 0.73, corrected p = 0.038): what one "
         "does depends on the other, so choose them together."),
        ("interaction", [6],
         "Whether the learning rate and the architecture interact is undecided (partial eta squared 0.01, corrected "
         "p = 0.900)."),
        ("edge", [7],
         "`1e-2`, better than every other level of the learning rate, is the highest value tried: higher ones are "
         "untested."),
        ("edge_to_try", [7],
         "Higher values of the learning rate: `1e-2` is better than every other level and lies at the end of the "
         "values tried; but 2 of 6 runs with `1e-2` did not finish."),
        ("first_cell", [8, 9], "It is better than 1 of 2 other settings; for the remaining one it is undecided."),
        ("first_cell", [8], "It is better than the other setting."),
        ("first_cell", [9], "Whether it is better than the other setting is undecided."),
        ("undecided", [4, 6],
         "It is undecided whether levels of the architecture differ and whether the learning rate and the architecture "
         "interact."),
        ("correlation", [10],
         "The validation mIoU rises with the training time (rank correlation 0.87, corrected interval 0.30 to 0.98, "
         "corrected p = 0.020, over 8 settings)."),
        ("confounded", [11],
         "Levels of the architecture cannot be compared: the design does not separate them from another "
         "hyperparameter."),
        ("recommendation:model.arch", [11],
         "These results recommend no level: the design does not separate them from another hyperparameter."),
        ("recommendation:model.arch", [12],
         "These results recommend no level: there is nothing to test differences with."),
        ("row", [1],
         "Learning rate | `1e-3` against `1e-4` | +0.2980 | 0.1660 to 0.4300 | < 0.001 | > 99% | `1e-3` is better"),
        ("row", [4],
         "Architecture | `unet` against `fpn` | -0.0311 | -0.1550 to 0.0930 | > 0.99 | 40% | undecided"),
        ("row", [11], "Architecture | `unet` against `fpn` | – | – | – | – | not separable"),
    ],
)  # fmt: skip
def test_sentences(tmp_path, form, numbers, text):
    assert said(tmp_path, form, *numbers) == text


def test_only_findings_that_passed_are_stated(tmp_path):
    for form, numbers in (("undecided", [2, 4, 6]), ("described", [12]), ("confounded", [11]), ("interaction", [6])):
        text = said(tmp_path, form, *numbers)
        assert not re.search(r"better|worse|highest|lowest|rises|falls", text), text


def test_the_practical_threshold_and_the_names_of_the_study_are_used(tmp_path):
    study = {"matters": 0.005, "names": {LR: "Learning rate of Adam", "1e-3": "default", "val/miou": "Mean IoU"}}
    assert said(tmp_path, f"axis:{LR}", 1, **study) == (
        "For the learning rate of Adam, default is better than `1e-4` (by 0.2980, corrected interval 0.1660 to 0.4300, "
        "corrected p < 0.001, beyond the practical threshold of 0.005)."
    )
    assert said(tmp_path, "row", 4, **study).endswith("| unclear | undecided")
    assert said(tmp_path, "correlation", 10, **study).startswith("The mean IoU rises with the training time")


def test_an_unknown_form_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no form of a sentence is called 'praise'"):
        said(tmp_path, "praise", 1)


REPORT = [(f"axis:{LR}", [0, 2]), ("interaction", [4]), ("undecided", [3])]


def report(folder):
    """Markdown and sources of a small report."""
    ledger = Ledger(write_results(folder))
    lines = [ledger.state(rows, form) for form, rows in REPORT]
    lines.append(f"Runs differ in the {ledger.axis(LR)} and the {ledger.axis(ARCH)}. {ledger.explain('undecided')}")
    lines.append(f"The first is `{ledger.quote('ranking.csv', 1, 'label', 'code')}`.")
    markdown, rows = ledger.finish("## Summary\n\n" + "\n".join(f"- {line}" for line in lines) + "\n")
    return markdown, sources_csv(rows)


def test_a_report_is_what_its_sources_say(tmp_path):
    markdown, sources = report(tmp_path)
    assert against_sources(markdown, sources, tmp_path) == []
    rows = list(csv.DictReader(io.StringIO(sources)))
    assert (rows[0]["file"], rows[0]["row"], rows[0]["how"], rows[0]["style"]) == (
        "findings.csv", "1,3", "state", f"axis:{LR}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"), [("learning rate", "architecture"), ("`1e-3`", "`1e-4`"), ("unet", "fpn"), ("1e-3", "1e-2")]
)
def test_swapping_two_factors_or_levels_is_found_out_wherever_they_stand(tmp_path, one, other):
    markdown, sources = report(tmp_path)
    whole = markdown.replace(one, "\0").replace(other, one).replace("\0", other)
    assert against_sources(whole, sources, tmp_path)
    for line in markdown.splitlines():
        if one in line:
            swapped = line.replace(one, "\0").replace(other, one).replace("\0", other)
            assert swapped != line
            assert against_sources(markdown.replace(line, swapped), sources, tmp_path), swapped


@pytest.mark.parametrize(
    "words",
    [
        "The architecture is better than the learning rate.",
        "The learning rate explains most.",
        "The effect is large.",
        "Scores are best at that end.",
        "The more the batch size, the more the score.",
        "The depth matters.",
        "A wider model improves the score.",
        "No level is significantly different.",
        "The score depends on the loss.",
        "The optimum may lie beyond.",
        "Unet beats fpn.",
        "Fpn wins.",
        "Fpn is superior.",
        "This level is inferior.",
        "Unet is clearly ahead.",
    ],
)
def test_a_claim_without_a_finding_is_found_out(tmp_path, words):
    markdown, sources = report(tmp_path)
    problems = against_sources(f"{markdown}\n{words}\n", sources, tmp_path)
    assert problems
    assert "states something that no finding says" in problems[0]
    with pytest.raises(UnsourcedError, match=r"results\.state"):
        compare_text(f"{markdown}\n{words}\n", sources)


def test_a_finding_that_no_longer_holds_is_found_out(tmp_path):
    markdown, sources = report(tmp_path)
    rows = [ROWS[0] | {"verdict": "undecided", "p_study": 0.2}, *ROWS[1:]]
    write_results(tmp_path, rows)
    assert any(
        "For the learning rate, `1e-3` is better than" in one for one in against_sources(markdown, sources, tmp_path)
    )


def test_a_source_that_says_something_else_is_found_out(tmp_path):
    """Whoever changes report.md and report.sources.csv alike still meets findings.csv."""
    markdown, sources = report(tmp_path)
    swap = [text.replace("learning rate", "\0").replace("architecture", "learning rate").replace("\0", "architecture")
            for text in (markdown, sources)]  # fmt: skip
    assert any("but findings.csv, row 5, state says" in problem for problem in against_sources(*swap, tmp_path))


def test_words_that_claim_nothing_pass():
    for text in ("Runs were trained on two machines.", "## Effects", "`effect` is a key.", "It is undecided."):
        assert claims_in(text) == [], text


def test_explanations_hold_no_number_and_no_name_of_one_study():
    for text in EXPLANATIONS.values():
        assert not numbers_in(text)
        assert "`" not in text
        assert text.endswith(".")


def test_each_form_has_a_test():
    tested = {form.partition(":")[0] for form, _ in REPORT} | {
        "axis", "recommendation", "interaction", "edge", "edge_to_try", "first_cell", "undecided", "correlation",
        "confounded", "described", "row", "first_of_ranking", "interaction_to_try", "better_at_end",
    }  # fmt: skip
    assert set(FORMS) == tested


def texts_of(path):
    """The sentences of a module that may reach a report, with gaps for their values; docstrings are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            text = node.value
        if len(text.split()) > 2 and "=" not in text:  # not a key, a style or a condition
            yield text


@pytest.mark.parametrize("name", sorted(path.stem for path in SECTIONS.glob("*.py")))
def test_no_section_holds_a_sentence_that_would_stop_a_report(name):
    """Some of them come up in few studies only; each would need a finding, or has to be an explanation."""
    for text in texts_of(SECTIONS / f"{name}.py"):
        assert claims_in(text) == [], text

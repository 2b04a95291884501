"""Whole reports on drawn studies: they are built, verified, and say no more than the analysis allows."""

import csv
import re
from pathlib import Path

import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from segsweep.analysis.verdicts import STATED
from segsweep.errors import InputError
from segsweep.report.build import build
from segsweep.report.claiming_words import claims_in
from segsweep.report.number_ledger import blank
from segsweep.report.verify import verify
from segsweep.report.written_sections import all_sections, heading
from tests.synthetic_files import write_study

SMALL = {"optimizer.lr": [1e-4, 1e-3, 1e-2], "batch_size": [4, 8]}
EFFECT = {"optimizer.lr": [0.0, 0.1, 0.05]}
CLAIM = {"id": "H1", "claim": "Rates of 1e-3 | 1e-4 are *best*.", "best_in": {"optimizer.lr": [1e-3, 1e-4]}}
SWEEP = {"optimizer.lr": [1e-4, 1e-2], "optimizer.weight_decay": [1e-5, 1e-3], "scheduler.t_max": [20, 22]}
STUDIES = {
    "effect": {"axes": SMALL, "effects": EFFECT, "claims": [CLAIM]},
    "no_effect": {"axes": SMALL, "effects": {}, "seeds": (0, 1)},
    "one_seed": {"axes": SMALL, "effects": EFFECT, "seeds": (0,)},
    "interaction": {
        "axes": SMALL,
        "effects": {},
        "interaction": ("optimizer.lr", "batch_size", [[0, 0.1], [0.1, 0], [0, 0.1]]),
    },
    "listed": {"kind": "runs", "axes": SMALL, "seeds": (0,), "expects": {3: {"gain": [0.01, 0.02], "over": 1}}},
    "sweep": {
        "kind": "sweep", "axes": SWEEP, "seeds": (0,), "pruned": 0.4, "sampler": "tpe", "trials": 12,
        "confirm": {"top": 2, "seeds": [1, 2]}, "metric": "val/hmean",
    },
    "random": {"kind": "sweep", "axes": SWEEP, "seeds": (0,), "trials": 12, "effects": {}},
    "holes": {"axes": SMALL, "missing_cells": 2, "missing_runs": 2, "diverged": 2, "oom": 1},
    "lost": {"axes": {"optimizer.lr": [1e-3, 1e-2]}, "effects": {}, "seeds": (0, 1), "diverged": 4},
    "single": {"axes": {"optimizer.lr": [1e-3]}, "effects": {}, "seeds": (0,)},
    "lowest": {"axes": SMALL, "effects": EFFECT, "metric": "val/loss_seg", "minimize": True, "base": 0.3},
    "folds": {
        "axes": {"model.arch": ["unet", "fpn"]}, "effects": {}, "folds": 3, "seeds": (0,), "metric": "val/iou/class 1",
    },
}  # fmt: skip


class Reports(dict):
    """Folders of reports by name, each built when it is first asked for."""

    def __init__(self, make_folder):
        self.make_folder = make_folder

    def __missing__(self, name):
        folder = self.make_folder(name)
        write_study(folder, name=name, epochs=6, **STUDIES[name])
        Analysis(open_results(folder)).write(folder)
        build(folder, folder, partial=True)
        self[name] = folder
        return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return Reports(tmp_path_factory.mktemp)


def text_of(folder):
    return (folder / "report.md").read_text(encoding="utf-8")


def check(folder, markdown):
    return verify(markdown, (folder / "report.sources.csv").read_text(encoding="utf-8"), folder)


@pytest.mark.parametrize("name", STUDIES)
def test_every_number_has_a_source(reports, name):
    assert check(reports[name], text_of(reports[name])) == []


def test_an_altered_number_is_found_wherever_it_stands(reports):
    markdown = text_of(reports["effect"])
    scores = list(re.finditer(r"0\.\d{4}", blank(markdown)))
    assert len(scores) > 20
    for found in scores[:: len(scores) // 10]:
        digit = "1" if markdown[found.end() - 1] == "2" else "2"
        altered = markdown[: found.end() - 1] + digit + markdown[found.end() :]
        assert check(reports["effect"], altered)
    assert check(reports["effect"], markdown.replace("## Cost\n", "## Cost\n\nIt took 17 days.\n"))


def rows_of(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", STUDIES)
def test_a_claiming_word_stands_only_in_a_sentence_of_a_finding_or_in_a_quotation(reports, name):
    text, recorded = text_of(reports[name]), rows_of(reports[name], "report.sources.csv")
    lines = text.splitlines()
    for start, word in claims_in(text):
        number = text.count("\n", 0, start) + 1
        texts = [row["text"] for row in recorded if int(row["line"]) == number]
        assert any(word in one for one in texts), (word, lines[number - 1])


@pytest.mark.parametrize("name", STUDIES)
def test_a_difference_is_stated_only_where_a_finding_passed(reports, name):
    findings, recorded = (rows_of(reports[name], file) for file in ("findings.csv", "report.sources.csv"))
    statements = [row for row in recorded if row["how"] == "state"]
    if name in ("effect", "lowest", "interaction"):
        assert statements
    for row in statements:
        behind = [findings[int(number) - 1] for number in row["row"].split(",")]
        if re.search(r"better than (?!each of|any of|the other setting is)|interact \(|lies at the end", row["text"]):
            assert any(one["verdict"] in STATED for one in behind), row
    if not any(one["verdict"] in STATED for one in findings):
        said = " ".join(row["text"] for row in statements)
        assert not re.search(r" is better than (?!the other setting is undecided)", said), said


def summary_of(text):
    return text[text.index("## Summary") : text.index("## What was studied")]


@pytest.mark.parametrize("name", ["effect", "interaction", "no_effect", "lowest"])
@pytest.mark.parametrize(("one", "other"), [("learning rate", "batch size"), ("1e-3", "1e-4"), ("`4`", "`8`")])
def test_swapping_two_names_in_the_summary_is_found_out(reports, name, one, other):
    text = text_of(reports[name])
    summary = summary_of(text)
    for line in [summary, *summary.splitlines()]:
        swapped = line.replace(one, "\0").replace(other, one).replace("\0", other)
        if swapped != line:
            assert check(reports[name], text.replace(summary, summary.replace(line, swapped))), swapped


def test_uncertainty_is_stated(reports):
    assert "It is undecided whether levels of the" in summary_of(text_of(reports["no_effect"]))
    assert "is shown to differ" in text_of(reports["no_effect"])
    assert "The learning rate and the batch size interact (" in summary_of(text_of(reports["interaction"]))
    assert "choose them together" in text_of(reports["interaction"])
    assert "All 4 runs diverged." in text_of(reports["lost"])
    assert "nothing can be ranked" in text_of(reports["lost"])


def test_missing_runs_are_stated(reports):
    text = text_of(reports["holes"])
    assert "This report is partial" in text
    assert "### Missing runs" in text
    assert re.search(r"Of \d+ runs, \d diverged", text)


def test_a_sweep_reports_its_confirmation(reports):
    text = text_of(reports["sweep"])
    for title in ("## Search", "## Confirmation", "## Recommendation"):
        assert title in text
    assert "on fresh seeds" in text
    assert "pruned" in text


def test_words_of_people_are_quoted_not_read(reports):
    assert "Rates of 1e-3 \\| 1e-4 are \\*best\\*." in text_of(reports["effect"])


@pytest.mark.parametrize("name", STUDIES)
def test_it_reads_well(reports, name):
    text = re.sub(r"```.*?```", "", text_of(reports[name]), flags=re.DOTALL)
    for odd in (
        "nan",
        " None",
        "  |",
        " ,",
        " .",
        "..",
        "{",
        "}",
        "\ue000",
        "1 runs",
        "1 settings",
        "1 cells",
    ):
        lines = [line for line in text.splitlines() if odd in re.sub(r"`[^`]*`|\(figures[^)]*\)", "x", line)]
        lines = [line for line in lines if odd != "  |" or line.startswith("|  ")]
        assert not lines, (odd, lines[:2])
    for line in text.splitlines():
        if line.startswith("*") and not line.startswith("**"):
            assert line.endswith(".*"), line
        if re.match(r"[A-Z`].*\w$", line):
            raise AssertionError(f"a paragraph without a full stop: {line}")


@pytest.mark.parametrize("name", STUDIES)
def test_figures_are_there_and_no_others(reports, name):
    named = set(re.findall(r"\]\(figures/([^)]+)\)", text_of(reports[name])))
    assert {Path(figure).with_suffix(".pdf").name for figure in named} == {
        path.name for path in (reports[name] / "figures").glob("*.pdf")
    }
    assert named == {path.name for path in (reports[name] / "figures").glob("*.png")}
    html = (reports[name] / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == len(named)


def test_missing_runs_need_a_partial_report(reports):
    with pytest.raises(InputError, match=r"missing.csv: \d+ planned runs are missing"):
        build(reports["holes"], reports["holes"])


def test_tables_that_are_missing_are_named(tmp_path):
    with pytest.raises(InputError, match=r"plan.json, runs.csv, ranking.csv, analysis.json missing"):
        build(tmp_path, tmp_path)


@pytest.mark.parametrize("name", STUDIES)
def test_headings_are_those_of_the_sections_in_their_order(reports, name):
    headings = re.findall(r"^## (.+)$", text_of(reports[name]), re.MULTILINE)
    titles = [heading(section) for section in all_sections()]
    assert len(titles) == len(set(titles))
    assert headings == [title for title in titles if title in headings]
    assert headings[0] == "Summary"
    assert {"What was studied", "Ranking"} <= set(headings)

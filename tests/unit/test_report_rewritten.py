"""Reports changed by one word: whoever verifies them is told the line and what it should be."""

import re

import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from segsweep.report.build import build
from segsweep.report.marks import unmarked
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.rewritten import NOT_WRITTEN_AGAIN, compare_sections
from segsweep.report.sections import claims, next_steps, recommendation, summary
from segsweep.report.verify import verify
from segsweep.report.written_sections import all_sections
from tests.synthetic_files import write_study

AXES = {"optimizer.lr": [1e-4, 1e-3, 1e-2], "batch_size": [4, 8]}
EFFECT = {"optimizer.lr": [0.0, 0.1, 0.05]}
CLAIMS = [
    {"id": "H1", "claim": "Rates of 1e-3 are best.", "best_in": {"optimizer.lr": [1e-3]}},
    {"id": "H2", "claim": "Rates of 1e-4 are best.", "best_in": {"optimizer.lr": [1e-4]}},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A report with two claims, runs that diverged, and an effect."""
    return built(tmp_path_factory.mktemp("study"), effects=EFFECT, claims=CLAIMS, diverged=2)


def built(folder, **options):
    write_study(folder, **{"name": "drawn", "epochs": 4, "axes": AXES} | options)
    Analysis(open_results(folder)).write(folder)
    build(folder, folder, partial=True)
    return folder


def report_of(folder):
    return (folder / "report.md").read_text(encoding="utf-8")


def problems_of(folder, markdown):
    return verify(markdown, (folder / "report.sources.csv").read_text(encoding="utf-8"), folder)


def changed(markdown, title, one, other):
    """The report with the first `one` below a heading replaced."""
    start = markdown.index(f"## {title}\n")
    assert one in markdown[start:], (one, markdown[start : start + 2000])
    return markdown[:start] + markdown[start:].replace(one, other, 1)


def swapped(markdown, title, one, other):
    """The report with two texts exchanged in a section."""
    start = markdown.index(f"## {title}\n")
    end = markdown.find("\n## ", start)
    part = markdown[start:end]
    assert one in part
    assert other in part
    return markdown[:start] + part.replace(one, "\0").replace(other, one).replace("\0", other) + markdown[end:]


def test_a_report_as_it_was_written_passes(study):
    assert problems_of(study, report_of(study)) == []


@pytest.mark.parametrize(
    ("title", "one", "other"),
    [
        ("Summary", "supported", "undecided"),
        ("Summary", "refuted", "undecided"),
        ("Summary", "diverged", "failed"),
        ("Summary", "The setting to use", "The worst setting"),
        ("Summary", " is better than", " is not better than"),
        ("Summary", "ranked settings", "settings"),
        ("Claims", "**supported**", "**refuted**"),
        ("Claims", "otherwise it is undecided", "otherwise it is refuted"),
        ("Recommendation", "was chosen by", "was not chosen by"),
        ("Recommendation", "set: {optimizer.lr: ", "set: {optimizer.momentum: "),
        ("What to try next", "\n- ", "\n- Adam. "),
        ("Method", " vary ", " fix "),
    ],
)
def test_a_changed_word_is_named_with_what_it_should_be(study, title, one, other):
    markdown = report_of(study)
    forged = changed(markdown, title, one, other)
    lines, was = forged.split("\n"), markdown.split("\n")
    at = next(i for i, (line, old) in enumerate(zip(lines, was, strict=True)) if line != old)
    assert f"report.md line {at + 1}: “{lines[at]}” should be “{was[at]}”" in problems_of(study, forged)


@pytest.mark.parametrize(
    ("title", "one", "other"),
    [
        ("Summary", "learning rate", "batch size"),
        ("Summary", "`1e-3`", "`0.01`"),
        ("Summary", "supported", "refuted"),
        ("Recommendation", "Learning rate", "Batch size"),
        ("Recommendation", "`1e-3`", "`4`"),
        ("Claims", "supported", "refuted"),
        ("Claims", "H1", "H2"),
    ],
)
def test_swapped_names_and_levels_are_found(study, title, one, other):
    assert problems_of(study, swapped(report_of(study), title, one, other))


@pytest.mark.parametrize("title", ["Summary", "Recommendation", "Claims"])
@pytest.mark.parametrize(
    "words", ["Adam wins.", "The learning rate dominates.", "Use the lowest learning rate.", "<b>Adam.</b>"]
)
def test_an_added_sentence_is_found_in_its_paragraph_and_in_one_of_its_own(study, title, words):
    markdown = report_of(study)
    start = markdown.index(f"## {title}\n\n") + len(f"## {title}\n\n")
    end = markdown.index("\n", start)
    for forged in (f"{markdown[:end]} {words}{markdown[end:]}", f"{markdown[:start]}{words}\n\n{markdown[start:]}"):
        assert any(words in problem for problem in problems_of(study, forged))


@pytest.mark.parametrize("title", ["Summary", "Recommendation", "Claims"])
def test_a_removed_line_is_found(study, title):
    lines = report_of(study).split("\n")
    at = lines.index(f"## {title}") + 2
    shorter = "\n".join(lines[:at] + lines[at + 1 :])
    assert any(f"“{lines[at]}” is missing" in problem or f"should be “{lines[at]}”" in problem
               for problem in problems_of(study, shorter))  # fmt: skip


def test_added_removed_and_moved_sections_are_found(study):
    markdown = report_of(study)
    assert any("no section" in one for one in compare_sections(f"{markdown}\n## Conclusion\n\nAdam.\n", study))
    assert any("second section" in one for one in compare_sections(f"{markdown}\n## Summary\n\nAdam.\n", study))
    assert any("Adam" in one for one in compare_sections(f"Adam wins.\n\n{markdown}", study))
    start, end = markdown.index("## Claims"), markdown.index("## Recommendation")
    without = markdown[:start] + markdown[end:]
    assert "report.md: the section Claims is missing" in compare_sections(without, study)
    moved = f"{without}\n{markdown[start:end]}"
    assert any("another order" in one for one in compare_sections(moved, study))


def test_figures_are_left_as_they_are(study):
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    assert compare_sections(report_of(study), study) == []
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before


def test_files_that_are_gone_are_a_problem_and_no_crash(study, tmp_path):
    assert any("cannot be written again" in one for one in compare_sections(report_of(study), tmp_path))


def test_sections_that_are_not_written_again_exist():
    assert set(NOT_WRITTEN_AGAIN) < {section.title for section in all_sections()}


def said(section, folder):
    return unmarked(section.write(QuotedResults(folder, folder, draw=False)))


def test_where_seeds_change_no_score_nothing_is_said_of_fresh_runs(tmp_path):
    folder = built(tmp_path, effects={"optimizer.lr": [0.0, 0.1, 0.1]}, noise=0.0, seeds=(0, 1))
    text = said(summary, folder)
    assert "4 of 6 ranked settings share the best validation Jaccard index, 0.8500; one of them is" in text
    assert "in each of its 2 runs." in text
    assert "Seeds change no score." in text
    report = report_of(folder)
    for untrue in ("trained once", "likely to be", "The best setting", "Expect about"):
        assert untrue not in report, untrue
    assert not re.search(r"(\d\.\d{2,}) to \1(?!\d)", report)
    assert "4 settings share this validation Jaccard index." in said(recommendation, folder)
    assert "runs of one setting have equal scores" in said(next_steps, folder)


def test_one_run_a_setting_is_still_said_to_be_trained_once(tmp_path):
    folder = built(tmp_path, axes={"optimizer.lr": [1e-4, 1e-3]}, effects={}, seeds=(0,))
    assert "which were trained once" in said(next_steps, folder)
    assert "The best setting, chosen from 2 ranked settings, is" in said(summary, folder)


def test_claims_of_an_imported_table_were_not_necessarily_written_down_before(study):
    results = QuotedResults(study, study, draw=False)
    assert "written down before the first run" in unmarked(summary.claims(results))
    assert "written down before the first run" in unmarked(claims.write(results))
    results.study["table"] = {"file": "runs.csv"}
    assert unmarked(summary.claims(results)) == "Of 2 claims of the study, 1 is supported and 1 is refuted."
    assert unmarked(claims.write(results)).startswith("Claims of the study. A claim is supported or refuted only")


def test_a_report_without_any_section_lacks_them(study):
    problems = compare_sections("Adam wins.\n", study)
    assert "report.md: the section Summary is missing" in problems
    assert any("“Adam wins.” should be “# A drawn study: drawn”" in problem for problem in problems)

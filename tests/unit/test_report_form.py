"""The form of whole reports: order of the parts, names of the study, nothing invented, runs that ended otherwise."""

import json
import re
from pathlib import Path

import pytest

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.import_table import import_table, write
from segsweep.analysis.study_results import open_results
from segsweep.config.study import Study
from segsweep.report.build import build
from segsweep.report.verify import verify
from segsweep.report.written_sections import all_sections, heading
from tests.synthetic_files import write_study

PARTS = [
    "Summary", "What was studied", "Budget", "Data", "Method", "Ranking", "Trade-off", "Hyperparameters", "Search",
    "Race of seeds", "Confirmation", "Ensemble", "Test score", "Results by class", "Images", "Claims", "Recommendation",
    "What to try next", "Cost", "Runs that ended otherwise", "Compared with earlier",
]  # fmt: skip
NAMES = {
    "optimizer.lr": "Learning rate of Adam", "batch_size": "Images per step, at most 8", "val/loss_seg": "Mean loss",
    "1e-4": "small", "8": "8 images",
}  # fmt: skip


def built(folder, **changes):
    """The report's Markdown, verified."""
    plan = json.loads((folder / "plan.json").read_text())
    plan["study"] |= changes
    (folder / "plan.json").write_text(json.dumps(plan))
    Analysis(open_results(folder)).write(folder)
    build(folder, folder, partial=True)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert verify(text, (folder / "report.sources.csv").read_text(encoding="utf-8"), folder) == []
    return text


def part(text, title):
    """A section without its heading."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    folder = tmp_path_factory.mktemp("named")
    axes = {"optimizer.lr": [1e-4, 1e-3, 1e-2], "batch_size": [4, 8]}
    effects = {"optimizer.lr": [0.0, 0.1, 0.05]}
    write_study(
        folder, name="named", epochs=6, axes=axes, effects=effects, metric="val/loss_seg", minimize=True, base=0.3,
        diverged=1, oom=1,
    )  # fmt: skip
    return built(folder, names=NAMES, matters=0.005)


def test_sections_stand_in_the_order_of_a_write_up():
    titles = [heading(section) for section in all_sections()]
    body = [title for title in titles if not title.startswith("Appendix: ")]
    assert body == [title for title in PARTS if title in body]
    assert {"Summary", "Data", "Method", "Ranking", "Hyperparameters", "Recommendation", "Cost"} <= set(body)
    appendix = titles[len(body) :]
    assert all(title.startswith("Appendix: ") for title in appendix)
    assert {"Appendix: Importance", "Appendix: Learning curves", "Appendix: Provenance"} <= set(appendix)


def test_the_names_of_the_study_are_written_everywhere(named):
    assert "\n### Learning rate of Adam\n" in named
    assert "For the learning rate of Adam, " in named
    assert "\n### Images per step, at most 8\n" in named  # a number that stands for itself
    assert "mean loss" in part(named, "What was studied")
    assert re.search(r"\| Learning rate of Adam \| `optimizer.lr` \| 3 \| small, `1e-3`, `0.01` \|", named)
    assert "| Images per step, at most 8 | `batch_size` | 2 | `4`, 8 images |" in named


def test_brighter_is_said_of_the_side_that_ranks_first(named):
    assert "Brighter is lower" in named
    assert "Brighter is higher" not in named


def test_the_method_says_what_is_judged_by_what(named):
    text = part(named, "Method")
    assert "at its best epoch" in text
    assert "Settings are compared by the spread of runs of the same setting (" in text
    assert "at most 5% state anything" in text
    assert "The study's practical threshold is a difference of 0.005." in text
    assert "raw means of levels can be compared" not in text


def test_runs_that_ended_otherwise_are_listed_with_their_settings(named):
    rows = [line for line in part(named, "Runs that ended otherwise").splitlines() if line.startswith("| `")]
    assert len(rows) == 2
    assert all("lr=" in row and "batch_size=" in row for row in rows)
    assert sum("out of memory" in row for row in rows) == 1


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    def report(name, table, columns):
        folder = tmp_path_factory.mktemp(name)
        (folder / "runs.csv").write_text(columns)
        study = Study.model_validate({"name": name, "metric": "val/miou", "table": {"file": "runs.csv", **table}})
        write(import_table(study, folder), folder / "results")
        return built(folder / "results")

    return report


ROWS = [("0.1", 1, 0.61), ("0.1", 2, 0.62), ("0.01", 1, 0.71), ("0.01", 2, 0.72), ("0.001", 1, 0.51), ("0.001", 2, 0.5)]


def test_of_an_imported_table_nothing_is_invented(imported):
    lines = "".join(f"{lr},{seed},{score}\n" for lr, seed, score in ROWS)
    table = {"axes": {"optimizer.lr": "lr"}, "metrics": {"val/miou": "score"}, "seed": "seed"}
    text = imported("plain", table, "lr,seed,score\n" + lines)
    assert "imported from `runs.csv`" in text
    assert "Each has 2 usable runs." in text
    for invented in (
        "data set",
        "Data set",
        "epoch",
        "demo",
        "was trained",
        "were trained",
        "segments",
        "Training took",
    ):
        assert invented not in text, invented
    assert "| Run | Setting |" not in part(text, "What was studied")  # the ranking names them


def test_epochs_of_an_imported_history_are_no_invention(imported):
    lines = "".join(
        f"{lr},{seed},{epoch},{score - 0.01 * (3 - epoch)}\n" for lr, seed, score in ROWS for epoch in (1, 2, 3)
    )
    table = {"axes": {"optimizer.lr": "lr"}, "metrics": {"val/miou": "score"}, "seed": "seed", "history": "epoch"}
    text = imported("history", table, "lr,seed,epoch,score\n" + lines)
    assert "at the epoch of each run at which it is highest" in text
    assert "data set" not in text


def test_pdf_figures_stand_beside_those_of_the_page(tmp_path):
    write_study(tmp_path, name="small", epochs=4, axes={"batch_size": [4, 8]}, effects={}, seeds=(0, 1))
    for stray in ("old.pdf", "old.png"):
        (tmp_path / "figures").mkdir(exist_ok=True)
        (tmp_path / "figures" / stray).write_bytes(b"")
    text = built(tmp_path)
    shown = {Path(name).stem for name in re.findall(r"\]\(figures/([^)]+)\)", text)}
    for kind in ("png", "pdf"):
        assert {path.stem for path in (tmp_path / "figures").glob(f"*.{kind}")} == shown


def test_what_changed_since_an_earlier_report_is_told_in_words(tmp_path):
    write_study(tmp_path, name="again", epochs=4, axes={"batch_size": [4, 8]}, effects={}, seeds=(0, 1))
    built(tmp_path)
    (tmp_path / "comparison.csv").write_text(
        "against,topic,item,before,now,changed\n"
        "earlier,level,batch_size,4 (undecided),8 (distinct),true\n"
        "earlier,statement,batch_size: 8 is better than 4,not said,said,true\n"
        "earlier,claim,H1,supported,supported,false\n"
    )
    build(tmp_path, tmp_path, partial=True)
    text = part((tmp_path / "report.md").read_text(), "Compared with earlier")
    assert "Compared with `earlier`, 2 of 3 conclusions have changed." in text
    assert "| Level with the best mean, and its standing | Batch size | 4 (undecided) | 8 (distinct) |" in text
    assert "| Statement | batch_size: 8 is better than 4 | not said | said |" in text
    assert "supported" not in text


@pytest.mark.parametrize(("seeds", "bands"), [((0,), False), ((0, 1), True)])
def test_bands_are_spoken_of_where_settings_have_several_runs(tmp_path, seeds, bands):
    axes = {"batch_size": [4, 8, 16], "optimizer.lr": [1e-3, 1e-2, 0.1]}  # with one seed judged by lack of fit
    write_study(tmp_path, name="bands", epochs=4, axes=axes, effects={}, seeds=seeds)
    text = built(tmp_path)
    assert ("Bands span the runs of a setting." in text) == bands
    judged = "of the same setting (" if bands else "is not known, so differences are judged by"
    assert judged in part(text, "Method")

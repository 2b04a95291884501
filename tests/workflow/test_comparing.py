"""A study that is compared with others: a changed or new analysis of one of them leads to a new analysis."""

import json

import pytest

from tests.workspace import Workspace

ANALYSIS = "results/little/analysis.json"
TABLE = {"file": "runs.csv", "axes": {"optimizer.lr": "lr"}, "metrics": {"val/miou": "miou"}}
SAID = {"best": None, "levels": {}, "statements": [], "claims": {}, "importance": []}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """A study of results made elsewhere, compared with one that has an analysis and with one that has none."""
    workspace = Workspace(tmp_path_factory.mktemp("comparing"))
    (workspace.folder / "config/studies/runs.csv").write_text("lr,miou\n0.1,0.5\n0.2,0.6\n")
    workspace.write_study(train=None, grid=None, table=TABLE, compare=["earlier", "later", "little"])
    write_analysis(workspace, "earlier")
    return workspace, workspace.snakemake(ANALYSIS)


def write_analysis(workspace, name, statements=()):
    folder = workspace.folder / "results" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"conclusions": SAID | {"statements": list(statements)}})
    (folder / "analysis.json").write_text(text)
    return folder / "analysis.json"


def reason(workspace):
    """Why a dry run would analyse the study again; empty if it would not."""
    lines = workspace.snakemake(ANALYSIS, "--dry-run", "--quiet", "host").splitlines()
    starts = [number for number, line in enumerate(lines) if "analyze results/little" in line]
    return next((line.strip() for line in lines[starts[0] :] if "Reason:" in line), "") if starts else ""


def test_an_analysis_that_is_not_there_is_said_and_needs_nothing(analysed):
    workspace, _ = analysed
    about = json.loads((workspace.folder / ANALYSIS).read_text())
    said = [warning["text"] for warning in about["warnings"] if warning["topic"] == "compare"]
    assert len(said) == 1
    assert "compare: later: found no other analysis" in said[0]
    assert reason(workspace) == ""


def test_a_changed_analysis_of_another_study_leads_to_a_new_one(analysed):
    workspace, _ = analysed
    write_analysis(workspace, "earlier", ["optimizer.lr: 0.2 is better than 0.1"])
    assert "Updated input files: results/earlier/analysis.json" in reason(workspace)
    write_analysis(workspace, "earlier")
    assert reason(workspace) == ""


def test_a_first_analysis_of_another_study_leads_to_a_new_one(analysed):
    workspace, _ = analysed
    first = write_analysis(workspace, "later")
    assert "Updated input files: results/later/analysis.json" in reason(workspace)
    first.unlink()
    assert reason(workspace) == ""

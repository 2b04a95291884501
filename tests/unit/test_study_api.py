"""Studies opened from Python: found by name, tables with types, nothing heavy imported before it is needed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import segsweep
from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from segsweep.errors import InputError
from segsweep.study_api import opening
from segsweep.study_api.frames import read_frame
from segsweep.tables import Column, Table, definitions
from tests.synthetic_files import write_study

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
LR, BATCH, ARCH = "optimizer.lr", "batch_size", "model.arch"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a study of synthetic numbers, analyzed; one run is missing, one diverged."""
    folder = tmp_path_factory.mktemp("project")
    axes = {LR: [1e-4, 1e-3], BATCH: [8, 16], ARCH: ["unet", "fpn"]}
    results = folder / "results" / "grid"
    write_study(results, axes=axes, seeds=(0, 1, 2), epochs=3, images=4, missing_runs=1, diverged=1)
    Analysis(open_results(results)).write(results)
    return folder


@pytest.fixture(scope="module")
def study(project):
    return segsweep.open("grid", project)


def test_importing_and_opening_import_neither_torch_nor_pandas(project):
    code = "import sys, segsweep; print(repr(segsweep.open('grid'))); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, cwd=project,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    shown, modules = done.stdout.splitlines()
    assert shown == "<study 'grid': 8 cells, 24 runs, by val/jaccard>"
    assert not {"torch", "pandas", "numpy", "albumentations"} & set(modules.split())


@pytest.mark.parametrize("where", ["", "results", "results/grid/figures", "deep/below"])
def test_a_study_is_found_by_name_from_folders_within_the_project(project, where, monkeypatch):
    (project / where).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(project / where)
    assert segsweep.open("grid").folder == project / "results" / "grid"


def test_a_study_is_found_by_its_folder(project, monkeypatch):
    monkeypatch.chdir(project.parent)
    for path in (f"{project.name}/results/grid", project / "results" / "grid"):
        assert segsweep.open(path).folder == project / "results" / "grid"
    monkeypatch.chdir(project / "results" / "grid")
    assert segsweep.open(".").name == "grid"


def test_an_unknown_study_is_refused_with_the_nearest_name(project, monkeypatch, tmp_path):
    monkeypatch.setattr(opening, "CLONE", tmp_path)
    monkeypatch.chdir(project)
    with pytest.raises(InputError, match="Did you mean 'grid'"):
        segsweep.open("gird")
    with pytest.raises(InputError, match=r"config/grid: there is no plan\.json in it"):
        segsweep.open("config/grid")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Give `project`"):
        segsweep.open("grid")


def test_the_columns_of_tables_have_the_types_that_are_defined(study):
    runs = study.runs
    types = {name: str(dtype) for name, dtype in runs.dtypes.items()}
    assert {
        "cell": "str",
        "seed": "Int64",
        "fold": "Int64",
        "status": "str",
        "val/jaccard": "float64",
    }.items() <= types.items()
    assert {LR: "float64", BATCH: "int64", ARCH: "str"}.items() <= types.items()
    assert sorted(runs[LR].unique()) == [1e-4, 1e-3]
    assert runs["fold"].isna().all()
    assert study.epochs["epoch"].dtype == "int64"
    assert study.images["jaccard"].dtype == "float64"
    assert set(study.findings["verdict"].dropna()) <= {"better", "worse", "edge", "interact", "undecided", "confounded"}


def test_every_table_that_the_analysis_wrote_can_be_read(study):
    written = {path.stem for path in study.folder.glob("*.csv")}
    assert written == set(study.tables) >= {"runs", "ranking", "findings", "factors", "pairs"}
    for name in study.tables:
        lines = (study.folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert len(study.table(name)) == len(lines) - 1
        assert list(study.table(name)) == lines[0].split(",")


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (["8", "16"], "int64", [8, 16]),
        (["8", ""], "Int64", [8, pd.NA]),
        (["1e-4", "1"], "float64", [1e-4, 1.0]),
        (["0.5", ""], "float64", [0.5, np.nan]),
        (["none", "1"], "str", ["none", "1"]),
        (["nan", "NA"], "str", ["nan", "NA"]),
        (["", ""], "str", [np.nan, np.nan]),
    ],
)
def test_levels_are_numbers_where_all_of_them_are(texts, dtype, values, tmp_path):
    class Levels(Table):
        """A level."""

        file = "levels.csv"
        rules = ("no_rule",)
        columns = (
            Column("<axes>", "text", "The level.", empty="not there"),
            Column("<scores>", "number", "Scores.", empty="not there"),
            Column("stands", "boolean", "Whether it stands."),
        )

    path = tmp_path / "levels.csv"
    path.write_text("axis,jaccard,stands\n" + "".join(f"{text},,True\n" for text in texts), encoding="utf-8")
    frame = read_frame(path, Levels, ["axis"])
    expected = {"axis": pd.array(values, dtype), "jaccard": [np.nan] * 2, "stands": [True, True]}
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected))


def test_a_column_that_no_definition_knows_is_read_as_well(tmp_path):
    class Names(Table):
        """A name."""

        file = "names.csv"
        rules = ("no_rule",)
        columns = (Column("name", "text", "The name."),)

    (tmp_path / "names.csv").write_text("name,of_another_version\n1,2\n", encoding="utf-8")
    frame = read_frame(tmp_path / "names.csv", Names)
    assert frame.to_dict("records") == [{"name": "1", "of_another_version": 2}]


def test_what_is_assigned_to_a_table_stays_there(study):
    runs = study.runs
    runs["score"] = 0.0
    runs.loc[0, "run"] = "none"
    assert "score" not in study.runs
    assert study.runs["run"].ne("none").all()


def test_a_table_that_is_not_there_is_refused(project, study, tmp_path):
    with pytest.raises(InputError, match="Did you mean 'ranking'"):
        study.table("rankings")
    with pytest.raises(InputError, match=r"trials\.csv: the study does not have this table"):
        study.table("trials")
    damaged = shutil.copytree(study.folder, tmp_path / "results" / "grid")
    (damaged / "runs.csv").write_text("run,seed\na,first\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"runs\.csv: cannot be read as a table .* makes it again"):
        segsweep.open(damaged).runs  # noqa: B018


def test_the_best_run_is_that_of_the_first_cell_where_nothing_speaks_against_it(study):
    first = study.ranking.iloc[0]
    best = study.best
    assert (best.name, best.levels[BATCH]) == (first["best_run"], first[BATCH])
    assert best.scores["val/jaccard"] == first["best_score"]
    assert best.epochs["val/jaccard"].max() == pytest.approx(best.scores["val/jaccard"], abs=1e-6)
    assert best.epochs.loc[best.epochs["val/jaccard"].idxmax(), "epoch"] == best.best_epoch
    assert len(best.images) == 4
    assert repr(best) == f"<run {best.name!r} of grid: {best.label}, seed {best.seed}>"


def test_the_best_run_is_that_of_the_setting_in_best_yaml(study, tmp_path):
    folder = shutil.copytree(study.folder, tmp_path / "results" / "grid")
    second = study.ranking.iloc[1]
    analysis = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    analysis["best"]["cell"] = second["cell"]  # as a confirmation may have it
    (folder / "analysis.json").write_text(json.dumps(analysis), encoding="utf-8")
    assert segsweep.open(folder).best.name == second["best_run"]


def test_a_run_that_is_not_there_or_not_trained_is_refused(study):
    with pytest.raises(InputError, match="there is no run 'none'"):
        study.run("none")
    run = study.run(study.missing["run"].iloc[0])
    with pytest.raises(InputError, match="is not trained to its end"):
        run.scores  # noqa: B018


def test_of_results_made_elsewhere_there_are_tables_and_no_networks(study, tmp_path):
    folder = shutil.copytree(study.folder, tmp_path / "results" / "grid")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["study"]["table"] = {"file": "runs.csv"}
    for cell in plan["cells"]:
        cell["train"] = {}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    imported = segsweep.open(folder)
    run = imported.best
    assert run.scores == study.best.scores
    for use in (run.model, run.normalization, lambda: run.data, lambda: imported.ensemble):
        with pytest.raises(InputError, match="its results were made elsewhere"):
            use()


def test_settings_given_out_are_copies(study):
    study.best.settings["epochs"] = study.best.levels[LR] = None
    assert None not in (study.best.settings.get("epochs", 0), study.best.levels[LR])


def test_every_table_has_a_name_of_its_own():
    files = [one.file for one in definitions() if issubclass(one, Table)]
    assert len({Path(file).stem for file in files}) == len(files)

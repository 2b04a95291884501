"""The tables that are written are those that are defined, and the rules find them without heavy imports."""

import csv
import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.budget_tables import budget_cell_rows, budget_rows
from segsweep.analysis.collect import collect, write
from segsweep.analysis.data_tables import write_data_tables
from segsweep.analysis.study_results import open_results
from segsweep.config.budget import Budget
from segsweep.inference.ensemble_scores import write as write_ensemble
from segsweep.inference.test_scores import ScoredModels
from segsweep.inference.test_scores import write as write_test
from segsweep.io import write_json
from segsweep.planning.budget_ledger import BudgetFile, LeftOut
from segsweep.planning.plan_file import StudyPlan
from segsweep.search.search_tables import write_tables
from segsweep.store.segment_store import SegmentStore
from segsweep.tables import KINDS, Column, Document, Table, definitions, outputs, page
from tests.benchmarks import replay
from tests.raced_study import write_raced_study
from tests.synthetic_files import write_prepared, write_store, write_study
from tests.synthetic_results import draw_study

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
CONFIRM = {"top": 2, "seeds": [1, 2]}
LR, BATCH, ARCH = "optimizer.lr", "batch_size", "model.arch"
COSTS = {
    "cost/gflops_per_image": 1.5, "cost/seconds_per_image": 0.02, "device": "a processor", "precision": "fp32",
    "images": 4, "height": 32, "width": 64, "batches": 10, "spread": 0.1, "threads": 1, "counted_on": "meta",
}  # fmt: skip
STUDIES = ("grid", "search", "collected", "raced")
TABLES = [one for one in definitions() if issubclass(one, Table)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Studies that together fill all columns: a grid with gaps and failures, a search with confirmations, a race, one
    with two objectives."""
    folder = tmp_path_factory.mktemp("results")
    claims = [{"id": "best", "claim": "words", "best_in": {LR: [1e-3]}}]
    write_study(
        folder / "grid", images=8, reference={LR: 1e-2, BATCH: 8}, missing_runs=2, diverged=2, claims=claims,
        tails="heavy", objectives={"val/jaccard": "maximize", "cost/train_seconds": "minimize"},
    )  # fmt: skip
    write_study(
        folder / "search", kind="sweep", axes={LR: [1e-4, 1e-2], ARCH: ["unet", "fpn"]}, trials=20, pruned=0.2,
        seeds=(0,), confirm=CONFIRM, compare=["grid"],
    )  # fmt: skip
    findings = Analysis(open_results(folder / "grid"))
    findings.write(folder / "grid")
    Analysis(open_results(folder / "search"), {"grid": findings.said}).write(folder / "search")
    objectives = {"val/jaccard": "maximize", "cost/gflops_per_image": "minimize"}
    truth = draw_study(axes={LR: [1e-4, 1e-3]}, seeds=(0, 1), epochs=6, oom=1, objectives=objectives)
    truth.plan["model_costs"] = {cell["cell"]: "0123456789abcdef" for cell in truth.plan["cells"]}
    (folder / "model_costs").mkdir()
    write_json(folder / "model_costs" / "0123456789abcdef.json", COSTS)
    write_store(folder / "store", truth)
    for path in (folder / "store").glob("*/epochs.csv"):
        np.savez(path.with_name("counts.npz"), confusion=np.tile([[80, 5], [5, 10]], (len(rows_of(path)[1]), 1, 1)))
    plan = StudyPlan.from_json(truth.plan)
    write(ended_by_budget(plan, SegmentStore(folder / "store"), folder / "collected"), folder / "collected")
    (folder / "collected" / "plan.json").write_text(json.dumps(truth.plan))
    Analysis(open_results(folder / "collected")).write(folder / "collected")
    write_prepared(folder / "tiny", warnings=["a class never occurs in val"], groups=["a", "a", "b"])
    described = replace(
        plan, data=["tiny"], dataset=plan.dataset | {"classes": {0: "a", 1: "b", 2: "c"}, "task": "multiclass"}
    )
    write_data_tables(described, folder / "collected", folder)
    rows = [("ensemble", "vote", 2, None, None), ("a", "single model", 1, None, 0.5), ("b", "member 1", 1, 0, 0.6)]
    ensemble = {
        "metric": "val/miou", "cell": "c",
        "rows": [
            {"run": run, "method": method, "members": members, "fold": fold, "own": own,
             "scores": {"val/dice": 0.4, "val/miou": 0.3}, "images": [{"image": "one", "miou": 0.25}]}
            for run, method, members, fold, own in rows
        ],
    }  # fmt: skip
    write_ensemble(ensemble, folder / "collected")
    one = {"cell": "c", "run": "a", "method": "single model", "members": 1, "trained_on": "train", "epoch": 3,
           "own": 0.5, "images": 6, "low": 0.2, "high": 0.4, "drawn": 6, "scores": {"test/miou": 0.3},
           "of_images": [{"image": "one", "miou": 0.25}]}  # fmt: skip
    write_test(ScoredModels({"metric": "test/miou"}, [one], None), folder / "collected")
    scenario = {"trials": 8, "at_once": 4, "epochs": 9, "min_epochs": 2, "eta": 2}
    searched = replay.study_of(scenario, {"name": "halving", "preserve": 0.96}, 3, "random", confirm=CONFIRM)
    states = replay.play(
        searched, lambda item: replay.result_of(replay.curve(3, item["set"], 9, item["seed"])[0], item)
    )
    write_tables(states, folder / "search" / "sweep")
    write_raced_study(folder / "raced")
    return folder


def ended_by_budget(plan, store, folder):
    """What is collected of a study whose budget let all of its runs train but one."""
    budget = {"gpu_hours": 3, "until": "2026-12-24T08:00"}
    plan = replace(plan, study=plan.study | {"budget": budget})
    BudgetFile(Budget.model_validate(budget), seconds={"a": 1.5}).write(folder)
    lost = plan.runs[-1]
    shutil.rmtree(store.folder(lost.segments[-1]))
    left_out = {lost.segments[-1]: LeftOut("until", "it is late", 1e9)}
    found = collect(plan, store, left_out=left_out)
    runs = {lost.run: left_out[lost.segments[-1]]}
    found.budget = budget_rows(plan, store, folder, runs, [], len(found.runs), datetime(2026, 12, 24, 8, 1))
    found.budget_cells = budget_cell_rows(plan, runs)
    return found


def rows_of(path):
    """Header and rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def definition_of(header, table):
    """The column that defines each name of a header; those of families fill what lies between the single ones."""
    single = {column.name: column for column in table.columns if column.family is None}
    families = [column for column in table.columns if column.family is not None]
    return [single.get(name) or families for name in header]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.file)
def test_headers_are_the_definitions(results, table):
    found = [rows_of(results / study / table.file)[0] for study in STUDIES
             if (results / study / table.file).exists()]  # fmt: skip
    assert found
    single = [column.name for column in table.columns if column.family is None]
    for header in found:
        assert [name for name in header if name in single] == single
        assert len(set(header)) == len(header)
        if not any(column.family for column in table.columns):
            assert header == single


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.file)
def test_fields_are_of_the_kind_that_is_defined(results, table):
    reads = {"integer": int, "number": float, "boolean": {"True": 1, "False": 0}.__getitem__, "text": str}
    filled = set()
    for study in STUDIES:
        if not (results / study / table.file).exists():
            continue
        header, rows = rows_of(results / study / table.file)
        for name, column in zip(header, definition_of(header, table), strict=True):
            for field in [row[header.index(name)] for row in rows]:
                if isinstance(column, Column) and field:
                    assert math.isfinite(reads[column.kind](field)) if column.kind != "text" else field
                    filled.add(name)
                elif isinstance(column, Column):
                    assert column.empty, f"{study}: {name} is empty"
    assert filled or table.file == "importance.csv"


@pytest.mark.parametrize("document", [one for one in definitions() if issubclass(one, Document)],
                         ids=lambda document: document.file)  # fmt: skip
def test_keys_are_the_definitions(results, document):
    read = json.loads if document.file.endswith(".json") else yaml.safe_load
    names = [column.name for column in document.keys]
    for study in ("grid", "search"):
        tree = read((results / study / document.file).read_text(encoding="utf-8"))
        optional = {"segments", "command", "parameters", "epochs"} & set(names)
        assert {name for name in names if "." not in name} - optional == set(tree) - optional
        for outer in {name.partition(".")[0] for name in names if "." in name}:
            if outer == "front" and study == "search":  # which has one objective
                assert tree[outer] is None
                continue
            assert {f"{outer}.{inner}" for inner in tree[outer]} == {n for n in names if n.startswith(f"{outer}.")}


def test_definitions_are_complete():
    assert len({one.file for one in definitions()}) == len(definitions())
    for one in definitions():
        assert one.__doc__
        assert one.rules
        for column in one.columns if issubclass(one, Table) else one.keys:
            assert column.kind in KINDS
            assert column.meaning.endswith((".", "`")), column
            assert column.name in page()


def test_a_table_that_analysis_makes_names_the_function_of_its_rows():
    results = Analysis(None)
    for table in TABLES:
        if "analyze_study" in table.rules:
            assert Path(table.file).stem in results.definitions
            assert table.rows


def test_rules_learn_their_outputs_without_pandas():
    code = "import sys; from segsweep.tables import outputs; print(outputs('collect_results', 'here'), *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=True
    )
    files, _, modules = done.stdout.partition("}")
    assert "'runs': 'here/runs.csv'" in files
    assert not {"torch", "pandas", "numpy", "scipy", "pydantic"} & set(modules.split())
    assert outputs("analyze_study")["best"] == "best.yaml"
    assert outputs("no_rule") == {}


def test_a_table_writes_its_families_in_their_place(tmp_path):
    class Heights(Table):
        """A person."""

        file = "heights.csv"
        rules = ("measure",)
        columns = (
            Column("name", "text", "Name."),
            Column("<years>", "number", "Height in that year.", empty="not measured"),
            Column("note", "text", "Anything.", empty="nothing"),
        )

    rows = [{"name": "Ada", "1830": 1.25, "1840": math.nan, "extra": 1}, {"name": "Bob", "1840": 1 / 3, "note": "a, b"}]
    Heights.write(tmp_path, rows, years=["1830", "1840"])
    text = (tmp_path / "heights.csv").read_text(encoding="utf-8")
    assert text == 'name,1830,1840,note\nAda,1.25,,\nBob,,0.3333333333,"a, b"\n'
    with pytest.raises(KeyError):
        Heights.header()


NEW_TABLE = '''"""How many runs each seed has."""

from typing import Any

from segsweep.analysis.study_results import StudyResults
from segsweep.tables import Column, Table


class Seeds(Table):
    """A seed."""

    file = "seeds.csv"
    rules = ("analyze_study",)
    rows = "seed_rows"
    columns = (Column("seed", "integer", "The seed."), Column("n", "integer", "Its runs."))


def seed_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of seeds.csv."""
    return [{"seed": seed, "n": n} for seed, n in results.runs["seed"].value_counts(sort=False).items()]
'''
NEW_CLAIM = '''"""No run failed."""

from segsweep.analysis.claims import Evidence, Verdict
from segsweep.config.components import StudyClaim
from segsweep.config.settings import key


class NoneFailed(StudyClaim):
    """No run failed."""

    none_failed: bool = key(True, "Whether that is claimed.")


def judge(claim: NoneFailed, evidence: Evidence) -> Verdict:
    """Supported if all runs are usable, refuted if not."""
    usable = bool(evidence.results.runs["usable"].all())
    return Verdict("supported" if usable == claim.none_failed else "refuted", "All runs were counted.")
'''


def test_a_new_table_and_a_new_claim_are_a_file_each(tmp_path):
    """As a contributor adds them: nothing else of the project is edited."""
    scripts = shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "segsweep" / "analysis" / "seed_counts.py").write_text(NEW_TABLE, encoding="utf-8")
    (scripts / "segsweep" / "analysis" / "claims" / "none_failed.py").write_text(NEW_CLAIM, encoding="utf-8")
    claims = [{"id": "H", "claim": "No run fails.", "none_failed": True}]
    write_study(tmp_path / "study", seeds=(0, 1), claims=claims, epochs=4)
    code = "import sys; from segsweep.tables import outputs, page; print(outputs('analyze_study')['seeds'], page())"
    environment = {"PYTHONPATH": str(scripts)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("seeds.csv ")
    assert "| `seed` | integer |  | The seed. |  |" in done.stdout
    analyze = [sys.executable, str(scripts / "analyze_study.py"), "--results", str(tmp_path / "study")]
    subprocess.run(analyze, env=environment, capture_output=True, text=True, check=True)
    assert (tmp_path / "study" / "seeds.csv").read_text(encoding="utf-8") == "seed,n\n0,36\n1,36\n"
    header, (row,) = rows_of(tmp_path / "study" / "claims.csv")
    assert dict(zip(header, row, strict=True)).items() >= {"kind": "none_failed", "verdict": "supported"}.items()

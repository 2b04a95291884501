"""Which jobs run after a change, and why: the promise that only what changed trains again."""

import csv
import json
import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from tests.workspace import ROOT, SMALL, Workspace, trainings

CROSS_ENTROPY, FOCAL = "little main=cross_entropy seed=0", "little main=focal seed=0"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study that is trained to its end."""
    workspace = Workspace(tmp_path_factory.mktemp("reruns"))
    workspace.write_tiny_dataset()
    workspace.write_study()
    workspace.snakemake(cores=2)
    return workspace


@pytest.fixture
def workspace(finished, tmp_path):
    """The finished study; what a test changes is put back."""
    kept = {name: tmp_path / name for name in ("workflow", "config")}
    for name, copy in kept.items():
        shutil.copytree(finished.folder / name, copy)
    yield finished
    for name, copy in kept.items():
        shutil.rmtree(finished.folder / name)
        shutil.copytree(copy, finished.folder / name)


def edit(workspace, path, old, new):
    file = workspace.folder / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def runs_of(workspace):
    with (workspace.folder / "results" / "little" / "runs.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_results_are_there(finished):
    folder = finished.folder / "results" / "little"
    rows = runs_of(finished)
    assert [row["status"] for row in rows] == ["finished", "finished"]
    assert all(0 <= float(row["val/miou"]) <= 1 for row in rows)
    for name in ("report.md", "report.html", "best.yaml", "ranking.csv", "report.sources.csv"):
        assert (folder / name).stat().st_size > 0


def test_the_notebook_runs_on_a_finished_study(finished, tmp_path, monkeypatch):
    """docs/notebook.ipynb as it is, with this study in place of the demo; its own checks are assertions."""
    shutil.copytree(finished.folder / "results", tmp_path / "results")
    (tmp_path / "results" / "little").rename(tmp_path / "results" / "demo")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "workflow" / "scripts"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(part.get("text", "") for cell in notebook.cells for part in cell.get("outputs", ()))
    score = max(float(row["val/miou"]) for row in runs_of(finished))
    assert f"by hand {score:.6f}, stored {score:.6f}" in said
    drawn = [part for cell in notebook.cells for part in cell.get("outputs", ()) if "image/png" in part.get("data", {})]
    assert len(drawn) == 2


def test_nothing_changed_nothing_runs(workspace):
    output = workspace.snakemake("--dry-run")
    assert "Nothing to be done" in output
    assert "All segments planned so far are trained." in output


def test_what_was_trained_since_is_collected_though_no_job_is_left(workspace):
    store = workspace.folder / "results" / "segments"
    second = json.loads((workspace.folder / "results" / "little" / "plan.json").read_text())["runs"][1]["segments"][-1]
    hidden = workspace.folder / second
    (store / second).rename(hidden)
    workspace.snakemake("results/little/runs.csv", config=("partial=true",))
    assert len(runs_of(workspace)) == 1
    hidden.rename(store / second)  # as a job that outlived its Snakemake, or a pull, would bring it
    assert "collect_results" in workspace.snakemake("--dry-run")
    workspace.snakemake()
    assert len(runs_of(workspace)) == 2
    assert "Nothing to be done" in workspace.snakemake("--dry-run")
    assert "Nothing to be done" in workspace.snakemake("--dry-run", config=("partial=true",))


def snapshot(workspace):
    """Contents and times of all that lies in results/, but for Snakemake's logs."""
    found = [path for path in (workspace.folder / "results").rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


def test_who_only_looks_writes_nothing(workspace):
    before = snapshot(workspace)
    workspace.write_study(seeds=[0, 1])
    assert len(workspace.would_train()) == 2
    assert "collect_results" in workspace.snakemake("--list")
    workspace.run("workflow/scripts/show_status.py", "--study", "little")
    assert snapshot(workspace) == before


def test_a_study_without_a_plan_gets_one_to_look_at_from_a_dry_run_alone(workspace):
    plan = workspace.folder / "results" / "fresh" / "plan.json"
    workspace.write_study("fresh", seeds=[7])
    workspace.snakemake("--list", study="fresh")
    assert not plan.parent.exists()
    assert len(workspace.would_train(study="fresh")) == 2
    assert [path.name for path in plan.parent.iterdir()] == ["plan.json"]
    shutil.rmtree(plan.parent)


PLANNERS_OWN = {"plan.json", "history.json"}
MADE_BY = {
    "missing.csv": "collect the results of",
    "factor_summary.csv": "analyze",
    "findings.csv": "analyze",
    "best.yaml": "analyze",
    "metrics.json": "write the metrics of",
    "images/images.json": "draw the images of",
    "provenance.json": "write the report of",
    "report.md": "write the report of",
    "report.sources.csv": "write the report of",
}
IN_FOLDERS = {"images/predictions.jpg": "draw_images", "figures/ranking.png": "build_report"}


def test_lost_files_come_back_without_training(workspace):
    """A job names those of its files that are missing and asked for: each would be the reason by itself."""
    folder, kept = workspace.folder / "results" / "little", workspace.folder / "kept"
    for name in MADE_BY:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(kept / name)
    output = workspace.snakemake("--dry-run", "--quiet", "host")
    for name in MADE_BY:
        (kept / name).rename(folder / name)
    assert trainings(output) == []
    jobs = re.findall(r"^Job \d+: (.*) results/little\n *Reason: Missing output files: ([^;\n]*)", output, re.MULTILINE)
    missing = {name: job for job, names in jobs for name in names.split(", ")}
    assert {name: missing.get(f"results/little/{name}") for name in MADE_BY} == MADE_BY, output


@pytest.mark.parametrize("name", IN_FOLDERS)
def test_a_lost_file_of_a_folder_comes_back_without_training(workspace, name):
    file = workspace.folder / "results" / "little" / name
    kept = file.rename(workspace.folder / "lost")
    output = workspace.snakemake("--dry-run")
    kept.rename(file)
    assert trainings(output) == []
    assert re.search(rf"^{IN_FOLDERS[name]} +1$", output, re.MULTILINE), output


def test_all_files_of_a_study_come_back_as_they_were(workspace):
    folder = workspace.folder / "results" / "little"

    def contents():
        # Not what is remembered of files, their times.
        found = (path for path in folder.rglob("*") if path.is_file() and ".checked" not in path.parts)
        return {path: path.read_bytes() for path in found if path.name[0] != "."}

    before = contents()
    store = workspace.folder / "results" / "segments"
    segments = {path: path.stat().st_mtime_ns for path in store.glob("*-????/*")}
    assert len(before) > 30
    for path in before:
        # What was tried before trainings is tried again before the next one.
        if path.name not in PLANNERS_OWN and path.parent.name != "checks":
            path.unlink()
    workspace.snakemake()
    after = contents()
    assert set(after) == set(before)
    assert [path.name for path in before if before[path] != after[path]] == []
    assert {path: path.stat().st_mtime_ns for path in store.glob("*-????/*")} == segments
    assert "Nothing to be done" in workspace.snakemake("--dry-run")


def test_folders_beside_the_segments_stop_nothing(workspace):
    store = workspace.folder / "results" / "segments"
    segment = next(store.glob("*-0002"))
    shutil.copytree(segment, store / f"{segment.name}.bak")
    (store / "notes").mkdir()
    assert "Nothing to be done" in workspace.snakemake("--dry-run")
    shutil.rmtree(store / f"{segment.name}.bak")
    (store / "notes").rmdir()


def test_a_run_can_be_evaluated_on_another_split(workspace):
    run = runs_of(workspace)[0]
    target = f"results/little/evaluations/{run['run']}.val.json"
    output = workspace.snakemake(target)
    assert trainings(output) == []
    found = json.loads((workspace.folder / target).read_text(encoding="utf-8"))["scores"]
    assert found["val/miou"] == pytest.approx(float(run["val/miou"]), abs=1e-9)
    assert "Nothing to be done" in workspace.snakemake(target)


def test_what_only_says_where_and_how_jobs_run_makes_nothing_again(workspace):
    output = workspace.snakemake("--dry-run", config=("device=cpu", "warm=false"))
    assert "Nothing to be done" in output


def test_code_of_the_analysis_makes_its_tables_again(workspace):
    path = "workflow/scripts/segsweep/analysis/importance.py"
    with (workspace.folder / path).open("a", encoding="utf-8") as file:
        file.write("\nEDITED = 1\n")
    output = workspace.snakemake("--dry-run")
    assert re.search(r"^analyze_study +1$", output, re.MULTILINE)
    assert not re.search(r"^collect_results +1$", output, re.MULTILINE)


def test_snakemake_hears_only_of_what_is_missing(workspace):
    """Ten thousand trained cells would otherwise be ten thousand jobs to look through at each start."""
    assert "collect_results" in (jobs := workspace.snakemake("--dag"))
    assert "train_segment" not in jobs


def test_without_snakemakes_own_records_nothing_trains(workspace):
    shutil.rmtree(workspace.folder / ".snakemake")
    assert workspace.would_train() == []
    assert "Nothing to be done" in workspace.snakemake("--dry-run")


def test_one_more_value_trains_its_cell_only(workspace):
    losses = [{"cross_entropy": 1.0}, {"focal": 1.0}, {"dice": 1.0}]
    workspace.write_study(grid={"loss.main": losses})
    assert workspace.would_train() == ["little main=dice seed=0, epochs 1-2"]


NEW_LOSS = '''"""A new loss."""

from segsweep.config.components import Term


class Brandnew(Term):
    """A new loss."""


def build(term, classes, class_weights):
    """See `segsweep.losses`."""
'''


def append(workspace, path, text):
    with (workspace.folder / path).open("a", encoding="utf-8") as file:
        file.write(text)


def test_what_cannot_change_an_outcome_trains_nothing(workspace):
    package = "workflow/scripts/segsweep"
    workspace.write_study(train=SMALL | {"workers": 1}, note="Another note.", title="Another title")
    edit(workspace, f"{package}/losses/focal.py", '"""', '"""Reworded. ')
    edit(workspace, f"{package}/training/loop.py", "\n\n\n", "\n\n\n# A comment.\n\n\n")
    for module in ("metrics/class_scores", "tasks/segmentation", "training/loop", "losses/focal"):
        append(workspace, f"{package}/{module}.py", "\n\nUNUSED = 1\n\n\ndef unused():\n    return UNUSED\n")
    for module, text in (
        ("training/loop", "out of memory in epoch"),
        ("models/encoders", "is not an encoder of"),
        ("data/prepared", "cannot be read"),
    ):
        edit(workspace, f"{package}/{module}.py", text, f"{text} as reworded")
    (workspace.folder / package / "losses" / "brandnew.py").write_text(NEW_LOSS)
    for section in ("Data", "Train"):
        head = f"class {section}(Settings):\n"
        edit(workspace, f"{package}/config/train.py", head, f'{head}    brandnew: int = key(3, "A new key.")\n')
    edit(workspace, "config/datasets/tiny.yaml", "one", "first")  # the name of a class
    assert workspace.would_train() == []


def test_an_edited_loss_trains_the_cells_that_use_it(workspace):
    path = "workflow/scripts/segsweep/losses/focal.py"
    edit(workspace, path, "return mean(losses * balance, weights)", "return mean(balance * losses, weights)")
    output = workspace.snakemake("--dry-run")
    assert f"{FOCAL}, epochs 1-2: the code of losses.focal.Focal changed" in output
    assert trainings(output) == [f"{FOCAL}, epochs 1-2"]


def test_an_edited_loop_trains_everything(workspace):
    edit(workspace, "workflow/scripts/segsweep/training/loop.py", "EXPLOSION = 1e6", "EXPLOSION = 1e7")
    assert workspace.would_train() == [f"{CROSS_ENTROPY}, epochs 1-2", f"{FOCAL}, epochs 1-2"]


def test_extending_trains_the_added_epoch(workspace):
    workspace.write_study(train=SMALL | {"epochs": 3})
    assert workspace.would_train() == [f"{CROSS_ENTROPY}, epoch 3", f"{FOCAL}, epoch 3"]


def test_another_study_shares_what_is_trained(workspace):
    workspace.write_study("other", grid={"loss.main": [{"focal": 1.0}, {"dice": 1.0}]})
    assert workspace.would_train(study="other") == ["other main=dice seed=0, epochs 1-2"]


def test_a_segment_lost_from_the_store_trains_again(workspace):
    folder = workspace.folder / "results" / "segments"
    lost = next(path for path in sorted(folder.glob("*-????")) if '"focal": {' in (path / "segment.json").read_text())
    lost.rename(folder.parent / "lost")
    assert workspace.would_train() == [f"{FOCAL}, epochs 1-2"]
    (folder.parent / "lost").rename(lost)
    assert workspace.would_train() == []


def test_what_ended_out_of_memory_trains_again_once_it_is_to_go_on(workspace):
    segments = (workspace.folder / "results" / "segments").glob("*-????")
    record = next(path / "segment.json" for path in segments if '"focal": {' in (path / "segment.json").read_text())
    text = record.read_text()
    record.write_text(text.replace('"finished"', '"oom"'))
    assert workspace.would_train() == []
    workspace.write_study(train=SMALL | {"on_oom": "accumulate"})
    output = workspace.snakemake("--dry-run")
    assert f"{FOCAL}, epochs 1-2: ended out of memory, and on_oom is accumulate now" in output
    assert trainings(output) == [f"{FOCAL}, epochs 1-2"]
    record.write_text(text)
    assert workspace.would_train() == []


def test_bad_input_ends_with_a_problem_before_any_job(workspace):
    workspace.write_study(metrik="val/miou")
    output = workspace.snakemake(check=False)
    assert "unknown key 'metrik'. Did you mean 'metric'?" in output
    assert "Traceback" not in output


def test_a_changed_mask_trains_all_cells_on_its_data_set(workspace):
    np, image = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    data = workspace.folder / "data" / "files"
    for kind in ("images", "masks"):
        (data / kind).mkdir(parents=True)
    draws = np.random.default_rng(0)
    for number in range(3):
        image.fromarray(draws.integers(0, 255, (32, 32, 3), np.uint8)).save(data / "images" / f"{number}.png")
        image.fromarray(draws.integers(0, 2, (32, 32)).astype(np.uint8)).save(data / "masks" / f"{number}.png")
    (data / "train.txt").write_text("0\n1\n")
    (data / "val.txt").write_text("2\n")
    dataset = {"name": "files", "reader": "folder", "root": "files", "images": "images/{name}.png"}
    workspace.write("config/datasets/files.yaml", dataset | {"classes": {0: "ground", 1: "thing"}})
    workspace.write_study("filed", dataset="files", train=SMALL | {"epochs": 1})
    workspace.snakemake(study="filed", cores=2)
    assert workspace.would_train(study="filed") == []
    for stray in ("images/.DS_Store", "notes.txt", "images/in_no_list.png"):
        (data / stray).write_text("stray")
    (data / "train.txt").write_text("0\n1\n\n\n")
    workspace.write("config/datasets/files.yaml", dataset | {"classes": {0: "floor", 1: "thing"}, "title": "Renamed"})
    assert workspace.would_train(study="filed") == []
    image.fromarray(draws.integers(0, 2, (32, 32)).astype(np.uint8)).save(data / "masks" / "2.png")
    output = workspace.snakemake("--dry-run", study="filed")
    assert len([line for line in output.splitlines() if line.endswith("epoch 1: the data changed")]) == 2
    assert len(workspace.would_train(study="filed")) == 2

"""Two clones and a folder between them: what one has trained the other need not."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.workspace import ROOT, SMALL, Workspace, trainings

GRID = [{"cross_entropy": 1.0}, {"focal": 1.0}]
DATASET = {
    "name": "files",
    "reader": "folder",
    "root": "files",
    "images": "images/{name}.png",
    "classes": {0: "ground", 1: "thing"},
}


class Clone(Workspace):
    """A workspace with DVC's configuration; both lie beside the store."""

    def __init__(self, folder):
        folder.mkdir()
        super().__init__(folder)
        shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local"))
        for name in (".dvcignore", "dvc.yaml"):
            shutil.copy(ROOT / name, folder)
        # No git here: a test must not depend on it.
        (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
        self.write("config/datasets/files.yaml", DATASET)
        self.study()

    def study(self, losses=GRID):
        self.write_study("shared", dataset="files", train=SMALL | {"epochs": 1}, grid={"loss.main": losses})

    def run(self, *command, check=True):
        done = subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def share(self, *arguments, check=True):
        return self.run("workflow/scripts/share_store.py", *arguments, check=check)

    def dvc(self, *arguments):
        return self.run("-m", "dvc", *arguments)

    @property
    def segments(self):
        return {path.name: path for path in sorted((self.folder / "results" / "segments").glob("*-*"))}

    def result(self, name):
        return (self.folder / "results" / "shared" / name).read_bytes()


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """One that has drawn data, tracked by DVC, trained and pushed; and one that has what git would bring."""
    folder = tmp_path_factory.mktemp("sharing")
    first, second = Clone(folder / "first"), Clone(folder / "second")
    draws = np.random.default_rng(0)
    files = first.folder / "data" / "files"
    for kind, shape in (("images", (32, 32, 3)), ("masks", (32, 32))):
        (files / kind).mkdir(parents=True)
        for number in range(3):
            pixels = draws.integers(0, 256 if kind == "images" else 2, shape).astype(np.uint8)
            Image.fromarray(pixels).save(files / kind / f"{number}.png")
    (files / "train.txt").write_text("0\n1\n")
    (files / "val.txt").write_text("2\n")
    first.dvc("add", "--quiet", "data/files")
    first.snakemake(study="shared", cores=2)
    first.share("push")
    first.dvc("push", "--quiet", "data/files.dvc")
    shutil.copy(first.folder / "data" / "files.dvc", second.folder / "data")
    second.pulled = second.share("pull", "--study", "shared")
    second.output = second.snakemake(study="shared", cores=2)
    return first, second


def test_the_first_clone_sent_all_it_trained(clones):
    first, _ = clones
    store = first.folder.parent / "segsweep-store"
    assert sorted(path.name for path in (store / "segments").iterdir()) == [f"{one}.tar" for one in first.segments]
    assert len(first.segments) == 2
    (state,) = (store / "studies" / "shared").iterdir()
    assert (state / "runs.csv").read_bytes() == first.result("runs.csv")
    assert "sent 0 segments" in first.share("push")


def test_the_second_clone_trains_nothing(clones):
    first, second = clones
    assert "brought 2 segments" in second.pulled
    assert second.segments.keys() == first.segments.keys()
    assert trainings(second.output) == []
    assert "train_segment" not in second.output


def test_the_second_clone_got_the_images_because_it_needed_them(clones):
    first, second = clones
    assert "pull_data" in second.output
    for path in sorted((first.folder / "data" / "files").rglob("*.png")):
        assert (second.folder / path.relative_to(first.folder)).read_bytes() == path.read_bytes()


def test_the_report_is_the_same_byte_for_byte(clones):
    # Host and versions are those of the training, and travel with the segments: no fact of the reader's host is in it.
    first, second = clones
    for name in (
        "report.md",
        "report.html",
        "report.sources.csv",
        "runs.csv",
        "epochs.csv",
        "ranking.csv",
        "best.yaml",
    ):
        assert second.result(name) == first.result(name), name
    assert first.result("metrics.json") == second.result("metrics.json")


def test_one_more_value_trains_its_cell_only(clones):
    _, second = clones
    second.study([*GRID, {"dice": 1.0}])
    assert second.would_train(study="shared") == ["shared main=dice seed=0, epoch 1"]
    second.study()


def test_a_flipped_bit_in_the_store_trains_its_segment_again(clones, tmp_path):
    first, second = clones
    damaged, sound = first.segments
    file = first.folder.parent / "segsweep-store" / "segments" / f"{damaged}.tar"
    whole = file.read_bytes()
    data = bytearray(whole)
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    for segment in first.segments:
        shutil.rmtree(second.segments[segment])
    output = second.share("pull", "--study", "shared")
    assert f"damaged, not taken, trains again when it is needed: {damaged}" in output
    assert list(second.segments) == [sound]
    # The first clone has a good one.
    assert "sent 1 segment " in first.share("push")
    assert file.read_bytes() == whole
    assert "brought 1 segment " in second.share("pull", "--study", "shared")


def test_no_store_is_said_and_nothing_happens(clones):
    _, second = clones
    store = second.folder.parent / "segsweep-store"
    store.rename(store.with_name("unmounted"))
    try:
        output = second.share("pull", "--study", "shared", check=False)
        assert "does not exist: nothing was ever pushed there, or it is not mounted" in output
        assert "Traceback" not in output
        assert len(second.segments) == 2
    finally:
        store.with_name("unmounted").rename(store)


def test_cleaning_up_lists_then_removes_what_no_study_reaches(clones):
    first, _ = clones
    needed = list(first.segments)
    shutil.copytree(first.segments[needed[0]], first.folder / "results" / "segments" / f"{'e' * 16}-0001")
    output = first.run("workflow/scripts/clean_up.py")
    assert f"{'e' * 16}-0001" in output
    assert "Nothing was removed" in output
    first.run("workflow/scripts/clean_up.py", "--remove")
    assert list(first.segments) == needed


def test_dvc_shows_metrics_plots_and_what_changed_in_the_study(clones):
    _, second = clones
    identity = ("user.name=x", "user.email=x@example.org", "commit.gpgsign=false", "core.hooksPath=/dev/null")
    git = ["git", *(part for setting in identity for part in ("-c", setting))]
    second.write("config/config.yaml", {"study": "shared", "data_root": "data"})
    for command in (["init", "--quiet"], ["add", "config", "dvc.yaml", ".dvcignore"], ["commit", "--quiet", "-m", "x"]):
        subprocess.run([*git, *command], cwd=second.folder, env=second.environment(), check=True)
    (second.folder / ".dvc" / "config.local").unlink()
    second.write_study("shared", dataset="files", train=SMALL | {"epochs": 7})
    changed = json.loads(second.dvc("params", "diff", "--json"))
    assert changed["config/studies/shared.yaml"]["train.epochs"] == {"old": 1, "new": 7, "diff": 6}
    shown = json.loads(second.dvc("metrics", "show", "--json"))
    values = shown[""]["data"]["results/shared/metrics.json"]["data"]
    assert 0 <= values["best"]["val/miou"] <= 1
    second.dvc("plots", "show", "--out", "plots")
    assert "Validation loss of every run" in (second.folder / "plots" / "index.html").read_text(encoding="utf-8")

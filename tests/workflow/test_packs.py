"""Packs: a crash stops no sibling, complete segments do not train again, cluster nodes see the same packs."""

import json
import re

import pytest

from tests.workspace import SMALL, Workspace

PACKED = ("pack=3", "pack_at_once=2", "check_components=false")  # it would find what is to crash
GOOD = {"decoder_channels": [16, 16, 8, 8, 8]}
WRONG = {"decoder_channels": [16, 16]}


def trained(workspace):
    """Complete segments and the time of their publication."""
    found = (workspace.folder / "results" / "segments").glob("*/segment.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """A pack of three segments, one of which cannot be trained."""
    workspace = Workspace(tmp_path_factory.mktemp("packs"))
    workspace.write_tiny_dataset()
    grid = {"model.options": [GOOD, WRONG], "optimizer.lr": [0.001, 0.01]}
    workspace.write_study(grid=grid, exclude=[{"model.options": WRONG, "optimizer.lr": 0.01}], seeds=[0])
    listed = workspace.snakemake("--dry-run", config=PACKED)
    output = workspace.snakemake(config=PACKED, check=False)
    return workspace, listed, output


def test_a_dry_run_lists_the_packs(crashed):
    assert re.findall(r"^train_pack +1$", crashed[1], re.MULTILINE)


def test_a_crash_leaves_its_siblings_alone(crashed):
    workspace, _, output = crashed
    assert len(trained(workspace)) == 2
    failures = re.findall(r"Segment (\S+) failed. All of it: less (\S+)", output)
    assert len(set(failures)) == 1
    assert (workspace.folder / failures[0][1]).stat().st_size > 0
    assert "decoder" in output


def test_afterwards_only_the_crashed_one_is_missing_and_nothing_is_repeated(crashed):
    workspace, *_ = crashed
    before = trained(workspace)
    assert len(workspace.would_train()) == 1
    workspace.write_study(
        grid={"model.options": [GOOD], "optimizer.lr": [0.001, 0.01]},
        train=SMALL | {"epochs": 3},
        seeds=[0],
        keep={"state": "none", "weights": "best 1"},
    )
    workspace.snakemake(config=PACKED)
    after = trained(workspace)
    assert before.items() <= after.items()
    assert len(after) == 4  # epoch 3 of both, on top of the first two
    packs = json.loads((workspace.folder / "results" / "little" / "packs.json").read_text())
    assert any(set(pack) == set(after) - set(before) for pack in packs.values())
    assert "Nothing to be done" in workspace.snakemake("--dry-run", config=PACKED)
    # What the study lets go was removed after its report: all states, and the weights of the second setting.
    segments = workspace.folder / "results" / "segments"
    assert list(segments.glob("*/last.pt")) == []
    with_weights = {path.parent.name for path in segments.glob("*/weights-*.pt")}
    runs = json.loads((workspace.folder / "results" / "little" / "plan.json").read_text())["runs"]
    first = (workspace.folder / "results" / "little" / "ranking.csv").read_text().splitlines()[1]
    kept = [set(run["segments"]) for run in runs if f",{run['run']}," in first]
    assert len(kept) == 1
    assert with_weights
    assert with_weights <= kept[0]
    # Were it another setting that became the best, its weights would be gone: they train again by themselves.
    (lost,) = (path for path in segments.glob("*/weights-*.pt") if path.parent.name in kept[0])
    content = lost.read_bytes()
    lost.unlink()
    assert "its setting is one of the best 1 now" in workspace.snakemake("--dry-run", config=PACKED)
    # And in the same start where only its ranking, of more seeds, finds that.
    workspace.write_study(
        grid={"model.options": [GOOD], "optimizer.lr": [0.001, 0.01]},
        train=SMALL | {"epochs": 3},
        seeds=[0, 1],
        keep={"weights": "best 1"},
    )
    output = workspace.snakemake("--until", "draw_images", config=PACKED)
    assert len(re.findall(r"seed=0, .*: its setting is one of the best 1 now", output)) == 1
    assert lost.read_bytes() == content

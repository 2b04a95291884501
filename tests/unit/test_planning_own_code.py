"""What of own code enters addresses: the definitions that its function reaches, and no paths."""

from pathlib import Path

import pytest

from segsweep import registry
from segsweep.config.load import Request
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.planner import planned
from segsweep.planning.study_context import component_roots
from tests.workspace import SMALL, Workspace

NETS = '''"""Two networks."""

from segsweep.config.components import Model
from segsweep.config.settings import key

import blocks
from . import tables
from .stars import *
from heads.heads import head

UNUSED = 3


class Wide(Model):
    """A wide one."""

    width: int = key(64, "Channels.")


def wide(settings: Wide, classes, in_channels):
    return blocks.block(settings.width, classes)


def tiny(classes, width=8):
    """A tiny one."""
    return blocks.double(width, classes), head(starred(width)), tables.TABLE["plain"]
'''
FILES = {
    "my/nets.py": NETS,
    "my/blocks.py": "def block(a, b):\n    return a + b\n\n\ndef double(a, b):\n    return block(2 * a, b)\n",
    "my/tables.py": "TABLE = {}\n\n\ndef keep(f):\n    TABLE[f.__name__] = f\n\n\n@keep\ndef plain(a):\n    return a\n",
    "my/stars.py": "def starred(a):\n    return 2 * a\n\n\ndef other(a):\n    return a\n",
    "heads/heads.py": "def head(a):\n    return a\n",
}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def roots(function, folder="my"):
    return component_roots(registry.find("model", f"{folder}/nets.py:{function}"))


def fingerprint(function, folder="my"):
    return Code().fingerprint(roots(function, folder))


def edited(file, old, new):
    """For which of the two functions an edit changes the fingerprint."""
    before = {name: fingerprint(name) for name in ("tiny", "wide")}
    text = Path(file).read_text(encoding="utf-8")
    assert old in text
    Path(file).write_text(text.replace(old, new), encoding="utf-8")
    changed = [name for name, digest in before.items() if fingerprint(name) != digest]
    Path(file).write_text(text, encoding="utf-8")
    return changed


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("my/nets.py", "head(starred", "head(2 * starred", ["tiny"]),
        ("my/nets.py", "width=8", "width=9", ["tiny"]),
        ("my/nets.py", "block(settings", "block(1 + settings", ["wide"]),
        ("my/nets.py", "key(64", "key(65", ["wide"]),
        ("my/nets.py", "UNUSED = 3", "UNUSED = 4", []),
        ("my/nets.py", "A tiny one", "The tiny one", []),
        ("my/nets.py", "UNUSED = 3", "UNUSED = 3  # or more\nprint()", ["tiny", "wide"]),
        ("my/blocks.py", "a + b", "a - b", ["tiny", "wide"]),
        ("my/blocks.py", "2 * a", "3 * a", ["tiny"]),
        ("my/stars.py", "2 * a", "3 * a", ["tiny"]),
        ("my/tables.py", "    return a", "    return -a", ["tiny", "wide"]),
        ("heads/heads.py", "return a", "return -a", ["tiny"]),
    ],
)
def test_an_edit_counts_for_what_reaches_it(file, old, new, changed):
    assert edited(file, old, new) == changed


def test_a_moved_file_is_the_same_code():
    before = fingerprint("tiny"), fingerprint("wide")
    Path("my").rename("mine")
    assert (fingerprint("tiny", "mine"), fingerprint("wide", "mine")) == before


def test_two_files_that_define_one_name_both_count():
    Path("my/other.py").write_text("def block(a, b):\n    return a\n", encoding="utf-8")
    Path("my/nets.py").write_text(NETS + "\n\ndef both(classes):\n    import other\n\n    return tiny, other.block\n")
    before = fingerprint("both")
    Path("my/other.py").write_text("def block(a, b):\n    return b\n", encoding="utf-8")
    assert fingerprint("both") != before


def test_definitions_are_named_by_their_files():
    hashes = Code().hashes(roots("wide"))
    assert {"my/nets.py:wide", "my/nets.py:Wide", "my/blocks.py:block"} <= hashes.keys()
    assert not {"my/nets.py:tiny", "my/blocks.py:double"} & hashes.keys()


def test_of_a_study_the_runs_train_again_that_reach_an_edited_function(tmp_path, monkeypatch):
    work = Workspace.entered(tmp_path / "work", monkeypatch)
    mine = Path("config/studies/my")
    mine.mkdir()
    text = "def one(classes, width=2):\n    return width\n\n\ndef other(classes):\n    return 2\n"
    (mine / "nets.py").write_text(text)
    (mine / "loss.py").write_text("def build(gamma=2.0):\n    return gamma\n")
    models = [SMALL["model"], {"arch": "my/nets.py:one", "width": 3}, {"arch": "my/nets.py:other"}]
    losses = [{"cross_entropy": 1.0}, {"my/loss.py:build": {"weight": 0.5, "gamma": 1}}]
    work.write_study(grid={"model": models, "loss.main": losses})

    def addresses():
        study = planned(Request(study="little"))
        return {run.cell.label: run.segments[-1] for run in study.cut.runs}

    def changed(file, old, new):
        file.write_text(file.read_text().replace(old, new))
        now = addresses()
        return [label for label in now if now[label] != before[label]]

    before = addresses()
    names = ["nets.py:one(width=3)", "nets.py:other"]
    assert list(before) == [
        f"model={model} main={loss}"
        for model in ("unet(encoder=tu-lcnet_035,options=decoder_channels=16/16/8/8/8)", *names)
        for loss in ("cross_entropy", "0.5*loss.py:build(gamma=1)")
    ]
    assert changed(mine / "nets.py", "return width", "return -width") == [one for one in before if "nets.py:one" in one]
    assert changed(mine / "nets.py", "return -width", "return width  # as it was") == []
    assert changed(mine / "loss.py", "return gamma", "return -gamma") == [one for one in before if "loss.py" in one]
    assert changed(mine / "loss.py", "return -gamma", "return gamma") == []
    mine.rename("config/studies/mine")
    assert changed(Path("config/studies/little.yaml"), "my/", "mine/") == []

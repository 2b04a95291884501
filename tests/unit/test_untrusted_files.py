"""What docs/security.md says of files that somebody else wrote, tried. Archives and remotes: test_store_trust."""

import pickle

import numpy as np
import pytest
import torch

from segsweep.config.yaml_documents import Document
from segsweep.errors import InputError
from segsweep.io import read_json, read_xml
from segsweep.models import encoders
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.segment_store import read_arrays
from tests.workspace import SMALL, Workspace


class Trap:
    """Unpickled, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    yield path
    assert not path.exists()


def test_a_trap_is_one(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung"))).close()
    assert (tmp_path / "sprung").exists()


def read_weights(path):
    encoders.load(torch.nn.Linear(1, 1), path, "resnet18")


@pytest.mark.parametrize("read", [read_checkpoint, read_weights])
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_run_no_code(tmp_path, victim, read, zipped):
    torch.save({"model": Trap(victim)}, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises((InputError, pickle.UnpicklingError), match=r"[Ww]eights"):
        read(tmp_path / "x.pt")


def test_arrays_run_no_code(tmp_path, victim):
    np.savez(tmp_path / "x.npz", confusion=np.array([Trap(victim)], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        read_arrays(tmp_path / "x.npz")


def test_yaml_makes_no_objects(tmp_path, victim):
    path = tmp_path / "study.yaml"
    path.write_text(f"name: !!python/object/apply:builtins.open ['{victim}', w]\n")
    with pytest.raises(InputError, match=r"study\.yaml"):
        Document(path)


def test_xml_reads_no_other_file_and_does_not_explode(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = tmp_path / "x.xml"
    path.write_text(f'<!DOCTYPE a [<!ENTITY b SYSTEM "file://{secret}">]><a>&b;</a>')
    with pytest.raises(InputError, match="not valid XML"):
        read_xml(path, "")
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 100}">' for i in range(6))
    path.write_text(f'<!DOCTYPE a [<!ENTITY e0 "{"x" * 100}">{entities}]><a>&e6;</a>')
    with pytest.raises(InputError, match="not valid XML"):
        read_xml(path, "")


def test_json_that_is_nested_a_hundred_thousand_times_is_said(tmp_path):
    (tmp_path / "x.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="is no JSON"):
        read_json(tmp_path / "x.json")


def test_planning_parses_own_code_and_runs_none_of_it(tmp_path, monkeypatch):
    from segsweep.planning.planner import open_study

    workspace = Workspace.entered(tmp_path, monkeypatch)
    text = "from pathlib import Path\nPath('ran').touch()\n\ndef build(classes, width=8):\n    return None\n"
    (tmp_path / "config/studies/net.py").write_text(text)
    train = SMALL | {"model": {"arch": "net.py:build", "width": 4}}
    workspace.write_study(train=train)
    open_study({"study": "little"}, plans=True)
    assert not (tmp_path / "ran").exists()


def test_planning_runs_no_command_of_a_study(tmp_path, monkeypatch):
    """A study with a command runs it when it trains, and nothing of it before."""
    from segsweep.planning.planner import open_study

    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(
        train=None,
        grid={"lr": [0.1]},
        dataset=None,
        command="touch ran; python x.py --lr {lr} --epochs {until} --out {out}",
        code=[],
        parameters={"lr": 0.1},
        results={"file": "metrics.csv"},
        epochs=1,
    )
    open_study({"study": "little"}, plans=True)
    assert not (tmp_path / "ran").exists()

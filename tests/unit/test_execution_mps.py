"""NVIDIA's MPS: started and ended where it can be, with programs that stand for NVIDIA's."""

import os
import tempfile
from pathlib import Path

import pytest

from segsweep.execution import provenance
from segsweep.execution.mps import DEVICES, PIPES, MultiProcessService
from segsweep.private_folder import private_folder

SMI = """#!/bin/sh
case "$1" in
  --query-gpu=mig*) echo $MIG;;
  *) echo 0, GPU-a, 81920, 80000; echo 1, GPU-b, 81920, 80000;;
esac
"""
CONTROL = """#!/bin/sh
echo "$CUDA_VISIBLE_DEVICES" >> $SAID
if [ "$1" = -d ]; then
  [ -n "$REFUSES" ] && { echo "$REFUSES"; exit 1; }
  touch $CUDA_MPS_PIPE_DIRECTORY/control
  exit 0
fi
read command rest
echo "$command" >> $SAID
[ -e $CUDA_MPS_PIPE_DIRECTORY/control ] || exit 1
case "$command" in
  start_server)
    [ -n "$NO_SERVER" ] && echo "$NO_SERVER" >> $CUDA_MPS_LOG_DIRECTORY/server.log
    [ -n "$NO_SERVER" ] || touch $CUDA_MPS_PIPE_DIRECTORY/server;;
  get_server_list) [ -e $CUDA_MPS_PIPE_DIRECTORY/server ] && echo 4711;;
  quit) rm $CUDA_MPS_PIPE_DIRECTORY/*;;
esac
exit 0
"""
COMMANDS = ("start_server", "get_server_list", "quit")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """An environment with two GPUs and the service; what it is called with goes to the file SAID."""
    for name, text in (("nvidia-smi", SMI), ("nvidia-cuda-mps-control", CONTROL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = f"{tmp_path}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("MIG", "Disabled")
    return {"PATH": path, "SAID": str(tmp_path / "said")}


def service(environ):
    said = []
    return MultiProcessService(environ, said.append, lambda seconds: None), said


def test_the_service_is_started_for_what_follows_and_ended(machine):
    machine[DEVICES] = "1,0"
    former = dict(machine)
    mps, said = service(machine)
    assert mps.start()
    folder = private_folder("segsweep-mps") / str(os.getpid())
    assert said == [f"MPS: in force, in {folder}"]
    assert machine[PIPES] == str(folder / "pipes")
    assert machine[DEVICES] == "GPU-b,GPU-a"  # by what they are called: the service numbers them by itself
    assert provenance.host(1, machine)["mps"] is True
    second, told = service(machine)
    assert second.start()
    second.stop()  # it is not its own
    assert "in force, started before" in told[0]
    mps.stop()
    assert machine == former
    assert "mps" not in provenance.host(1, machine)
    assert not folder.exists()
    asked = Path(machine["SAID"]).read_text().splitlines()
    assert asked == ["GPU-b,GPU-a", *(line for word in COMMANDS for line in ("GPU-b,GPU-a", word))]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PATH": ""}, "there is no nvidia-cuda-mps-control"),
        ({DEVICES: "MIG-1"}, "there is no GPU, or only a part of one"),
        ({"MIG": "Enabled"}, "a GPU is divided (MIG)"),
        ({"REFUSES": "An instance of this daemon is already running"}, "An instance of this daemon is already running"),
        ({"NO_SERVER": "exclusive"}, "exclusive"),
    ],
)
def test_without_the_service_all_goes_on(machine, monkeypatch, change, reason):
    monkeypatch.setenv("MIG", change.get("MIG", "Disabled"))
    machine |= change
    former = dict(machine)
    mps, said = service(machine)
    assert not mps.start()
    assert said == [f"MPS: not in force, processes take turns on the GPU: {reason}"]
    assert machine == former
    assert not (private_folder("segsweep-mps") / str(os.getpid())).exists()
    mps.stop()

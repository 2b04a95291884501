"""Packs: who trains a segment, what a crash touches, and that nothing of a segment reaches the next one."""

import json
import os
import random
import signal
import threading
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import train_pack

from segsweep.execution import segment_job
from segsweep.execution.pack import run_pack
from segsweep.execution.process_state import ProcessState
from segsweep.own_code.loading import imported_files
from segsweep.store.checkpoints import read_checkpoint
from tests.fakes import FakeTrainer, segment_plan

STAYS = {"may_stay": lambda segment: True}


def pack(tmp_path, parents, endings, **more):
    """Run a pack of segments whose work is to end in a given way; returns (status, what was said, what was run)."""
    said = []

    def work(name):
        (tmp_path / f"{name}.ran").write_text(str(os.getpid()))
        print(f"output of {name}")
        ending = endings.get(name, 0)
        if ending == "raise":
            raise ValueError("a bug")
        if ending == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return ending

    status = run_pack(
        parents, work, lambda name: tmp_path / f"{name}.log", say=said.append, pause=lambda s: None, **more
    )
    return status, "\n".join(said), {path.stem for path in tmp_path.glob("*.ran")}


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_a_crash_in_a_pack_leaves_its_siblings_alone(tmp_path, at_once):
    parents = {"a1": "a0", "a0": None, "b": None, "c1": "c0", "c0": "elsewhere", "d": None}
    status, said, ran = pack(tmp_path, parents, {"b": "raise", "c0": "kill"}, at_once=at_once)
    assert status == 1
    assert ran == {"a0", "a1", "b", "c0", "d"}  # c1 cannot continue c0
    assert f"b: crashed with exit status 1; its log: {tmp_path / 'b.log'}" in said
    assert "c0: crashed with SIGKILL" in said
    assert "3 of 6 segments crashed or were left out: " in said
    assert "ValueError: a bug" in (tmp_path / "b.log").read_text()
    assert (tmp_path / "d.log").read_text() == "output of d\n"


def test_a_pack_without_crash_ends_well_or_is_to_be_gone_on_with(tmp_path):
    assert pack(tmp_path, {"a": None, "b": "a"}, {}, at_once=2)[0] == 0
    assert pack(tmp_path, {"a": None, "b": None}, {"a": 75}, at_once=2)[0] == 75
    assert pack(tmp_path, {"c": None}, {}, at_once=2, should_stop=lambda: True)[2] == {"a", "b"}


def test_processes_stay_for_further_segments_and_are_replaced_after_a_crash(tmp_path):
    parents = {"a1": "a0", "a0": None, "b": None, "c": None, "d": None, "e": None}
    status, said, _ = pack(tmp_path, parents, {"b": "kill", "d": "raise"}, at_once=1, **STAYS)
    assert status == 1
    assert "b: crashed with SIGKILL" in said
    assert "Killed by SIGKILL" in (tmp_path / "b.log").read_text()
    assert "ValueError: a bug" in (tmp_path / "d.log").read_text()
    processes = {path.stem: path.read_text() for path in tmp_path.glob("*.ran")}
    assert processes["a0"] == processes["a1"] == processes["b"]
    assert processes["c"] == processes["d"]
    assert len(set(processes.values())) == 3
    assert (tmp_path / "a1.log").read_text() == "output of a1\n"
    alone = pack(tmp_path, {"x": None, "y": None}, {}, at_once=1)
    assert alone[0] == 0
    assert (tmp_path / "x.ran").read_text() != (tmp_path / "y.ran").read_text()


@pytest.mark.parametrize("heeds", [True, False])
def test_what_stops_a_pack_reaches_the_segment_that_runs(tmp_path, heeds):
    """A process that has trained a segment takes SIGTERM like a new one, before the next training heeds it."""

    def work(name):
        if name == "second":
            asked = threading.Event()
            if heeds:
                signal.signal(signal.SIGTERM, lambda *_: asked.set())
            (tmp_path / "begun").touch()
            return 75 if asked.wait(30) else 1
        signal.signal(signal.SIGTERM, lambda *_: None)  # as the first segment's training leaves it
        return 0

    status = run_pack(
        {"first": None, "second": None, "third": None},
        work,
        lambda name: tmp_path / f"{name}.log",
        at_once=1,
        should_stop=(tmp_path / "begun").exists,
        say=lambda text: None,
        **STAYS,
    )
    assert status == 75


def leave_traces(store: Path) -> int:
    """What a training might leave behind in its process."""
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    os.environ["LEFT"] = str(store)
    return 0


def traces() -> str:
    """What a training could read of them."""
    draws = torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random() == random.Random(7).random()
    switches = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, torch.get_num_threads()
    precision = torch.backends.cudnn.conv.fp32_precision, torch.utils.deterministic.fill_uninitialized_memory
    return repr((draws, switches, precision, torch.zeros(1).dtype, os.environ.get("LEFT")))


def test_nothing_of_a_segment_reaches_the_next_one_in_its_process(tmp_path):
    """The same bits as in processes of their own: two trainings, and between them what spoils all it can."""
    import_module("torch._dynamo")  # as `preload` does
    plans = [segment_plan({"optimizer": {"name": "adam", "lr": 0.01}}, last=2, seed=seed) for seed in (1, 2)]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"segments": {one.id: one.to_json() for one in plans}}))
    order = [plans[0].id, "spoils", plans[1].id]

    def train(store):
        def work(name):
            (store / f"{name}.process").write_text(str(os.getpid()))
            (store / f"{name}.traces").write_text(traces())
            if name == "spoils":
                return leave_traces(store)
            return segment_job.run_job(plan, name, store / "segments", device="cpu", trainer=FakeTrainer())

        return work

    before = ProcessState()
    found = {}
    for mode, more in (("own", {}), ("kept", {"may_stay": lambda segment: before.restore()})):
        store = tmp_path / mode
        store.mkdir()
        parents = dict.fromkeys(order)
        assert run_pack(parents, train(store), lambda name, at=store: at / f"{name}.log", at_once=1, **more) == 0
        found[mode] = store
    processes = {mode: {path.read_text() for path in store.glob("*.process")} for mode, store in found.items()}
    assert {mode: len(found) for mode, found in processes.items()} == {"own": 3, "kept": 1}
    assert len({(store / f"{name}.traces").read_text() for store in found.values() for name in order}) == 1
    for one in plans:
        for file in sorted((found["own"] / "segments" / one.id).glob("weights-*.pt")):
            ours = read_checkpoint(found["kept"] / "segments" / one.id / file.name)["model"]
            theirs = read_checkpoint(file)["model"]
            assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_what_cannot_be_put_back_ends_the_process(monkeypatch):
    state = ProcessState()
    assert state.restore()
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert not state.restore()
    end.set()
    thread.join()
    assert state.restore()
    monkeypatch.setattr("segsweep.execution.process_state.imported_files", imported_files | {"my/network.py"})
    assert not state.restore()


def test_a_process_stays_after_what_the_built_in_trainer_finished(tmp_path):
    may_stay = train_pack.staying({"a": "builtin", "b": "command", "c": "builtin"}, f"{tmp_path}/{{segment}}")
    for name, text in (("a", ""), ("b", ""), ("c", "ValueError: a bug\n")):
        (tmp_path / name).write_text(text)
    assert [may_stay(name) for name in "abc"] == [True, False, False]


def test_whether_there_is_a_gpu_is_asked_of_the_driver(tmp_path, monkeypatch):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 0, GPU-1, 81920, 80000\n")
    smi.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", "")
    assert not train_pack.has_gpu("auto")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert train_pack.has_gpu("auto")
    assert train_pack.has_gpu("cuda:0")
    assert not train_pack.has_gpu("cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not train_pack.has_gpu("auto")

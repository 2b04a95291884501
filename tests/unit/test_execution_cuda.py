"""What a device's name stands for, and what is said where torch cannot use a GPU that is there or asked for."""

import pytest
import torch

from segsweep.config.cluster import Cluster
from segsweep.config.load import Request
from segsweep.errors import InputError
from segsweep.execution import cuda
from segsweep.execution.cuda import shows_gpu, torch_device

SMI = """\
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 470.57.02    Driver Version: 470.57.02    CUDA Version: 11.4     |
+-----------------------------------------------------------------------------+
"""
TOO_OLD = "The NVIDIA driver on your system is too old (found version 11040).\nPlease update it."


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of which a test says whether it has a GPU, whether torch can use it, and what nvidia-smi answers."""

    def made(*, gpu, usable, smi=None):
        monkeypatch.setattr(cuda, "DEVICES", tmp_path)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        for name in ("nvidiactl", "nvidia-caps", *(["nvidia0"] if gpu else [])):
            (tmp_path / name).touch()
        monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: int(usable))

        def init():
            raise RuntimeError(TOO_OLD)

        monkeypatch.setattr(torch.cuda, "init", init)
        monkeypatch.setattr(torch.version, "cuda", "13.0")
        folder = tmp_path / "bin"
        folder.mkdir()
        if smi is not None:
            (folder / "smi.txt").write_text(smi)
            (folder / "nvidia-smi").write_text(f"#!/bin/sh\ncat {folder}/smi.txt\n")
            (folder / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return made


@pytest.mark.parametrize(("usable", "name", "stands_for"), [
    (True, "auto", "cuda"), (True, "cuda", "cuda"), (True, "cuda:0", "cuda:0"), (True, "cpu", "cpu"),
    (False, "auto", "cpu"), (False, "cpu", "cpu"),
])  # fmt: skip
def test_a_name_stands_for_a_device(machine, usable, name, stands_for):
    machine(gpu=usable, usable=usable)
    assert torch_device(name) == torch.device(stands_for)


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_gpu_that_torch_cannot_use_ends_a_job_at_once(machine, name):
    machine(gpu=True, usable=False, smi=SMI)
    with pytest.raises(InputError) as found:
        torch_device(name)
    said = str(found.value)
    for part in (
        "is too old (found version 11040).", "driver 470.57.02 (CUDA 11.4)", "built for CUDA 13.0",
        "`make env TORCH=cu126`", "device=cpu",
    ):  # fmt: skip
        assert part in said, said
    assert torch_device("cpu") == torch.device("cpu")


def test_a_driver_that_does_not_answer_is_quoted(machine):
    machine(gpu=True, usable=False, smi="Failed to initialize NVML: Driver/library version mismatch\n")
    with pytest.raises(InputError, match="nvidia-smi says: Failed to initialize NVML: Driver/library version mismatch"):
        torch_device("auto")


def test_a_gpu_that_is_asked_for_and_not_there(machine):
    machine(gpu=False, usable=False)
    with pytest.raises(InputError, match=r"cuda is asked for on .*there is no nvidia-smi.*config/cluster.yaml"):
        torch_device("cuda")


def test_a_number_that_no_gpu_has(machine):
    machine(gpu=True, usable=True)
    with pytest.raises(InputError, match=r"there is no cuda:1: .* cuda:0 to cuda:0"):
        torch_device("cuda:1")


def test_gpus_that_are_hidden_are_not_there(machine):
    machine(gpu=True, usable=False)
    assert shows_gpu({})
    assert shows_gpu({"CUDA_VISIBLE_DEVICES": "0"})
    assert not shows_gpu({"CUDA_VISIBLE_DEVICES": ""})
    assert torch_device("auto", {"CUDA_VISIBLE_DEVICES": "-1"}) == torch.device("cpu")


@pytest.mark.parametrize(("request_", "device"), [
    (Request(), "auto"), (Request(device="cuda:1"), "cuda:1"), (Request(claim_gpu=True), "cuda"),
    (Request(cluster=Cluster()), "cuda"), (Request(cluster=Cluster(gpu="none")), "cpu"),
    (Request(cluster=Cluster(gpu="none", gres="shard:1")), "cuda"), (Request(cluster=Cluster(), device="cpu"), "cpu"),
])  # fmt: skip
def test_auto_is_what_jobs_are_said_to_get(request_, device):
    assert request_.device_asked == device

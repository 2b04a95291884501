"""The devices that a program of one's own is told of."""

from types import SimpleNamespace

import pytest

from segsweep.trainers.command import describe_device


def driver(gpus):
    """nvidia-smi of a machine with as many GPUs."""

    def run(command, **options):
        listed = "".join(f"{i}, GPU-{i}, 40960, 40000\n" for i in range(gpus))
        return SimpleNamespace(returncode=0, stdout="NVIDIA A100\n" if "--query-gpu=name" in command else listed)

    return run


@pytest.mark.parametrize(
    ("name", "gpus", "visible", "device", "gpu"),
    [
        ("auto", 2, None, "cuda", "NVIDIA A100"),
        ("auto", 0, None, "cpu", None),
        ("auto", 2, "", "cpu", None),
        ("cpu", 2, None, "cpu", None),
        ("cuda:1", 2, None, "cuda:1", "NVIDIA A100"),
        ("cuda:1", 2, "GPU-0", "cuda:1", None),
    ],
)
def test_auto_is_a_gpu_where_the_driver_knows_one(name, gpus, visible, device, gpu):
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert describe_device(name, environ, driver(gpus)) == {"device": device, "gpu": gpu, "cuda": None, "cudnn": None}

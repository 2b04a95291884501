"""Which device of torch's a name stands for; and why CUDA cannot be used where it should be."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segsweep.errors import InputError
from segsweep.formatting import first_line
from segsweep.typed_commands import typed_torch

if TYPE_CHECKING:
    import torch

DEVICES = Path("/dev")
VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDES_ALL = {"", "-1", "NoDevFiles", "none", "void"}
OLDER_BUILD = "cu126"


def torch_device(name: str, environ: Mapping[str, str] = os.environ, run=subprocess.run) -> "torch.device":
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` stands for; `auto` is a GPU where there is one.

    Raises:
        InputError: CUDA is asked for, or there is a GPU, and torch cannot use it: no training goes on for days on a
            CPU because a driver is too old.
    """
    import torch

    if name == "cpu":
        return torch.device(name)
    if torch.cuda.is_available():
        device = torch.device("cuda" if name == "auto" else name)
        if (device.index or 0) >= (count := torch.cuda.device_count()):
            raise InputError(f"device: there is no {name}: the GPUs that torch sees are cuda:0 to cuda:{count - 1}.")
        return device
    if name == "auto" and not shows_gpu(environ):
        return torch.device("cpu")
    raise InputError(_unusable(name, environ, run))


def shows_gpu(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this machine has a GPU of NVIDIA's that is not hidden; asked without torch."""
    if environ.get(VISIBLE, "0").strip() in HIDES_ALL:
        return False
    return any(path.name.removeprefix("nvidia").isdigit() for path in DEVICES.glob("nvidia*"))


def _unusable(name: str, environ: Mapping[str, str], run: Callable[..., Any]) -> str:
    import torch

    asked = "a GPU is there" if name == "auto" else f"{name} is asked for"
    build = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is a build without CUDA"
    parts = [
        f"device: {asked} on {socket.gethostname()}, and torch cannot use it: {_reason()}.",
        f"torch {torch.__version__} {build}; {_driver(environ, run)}.",
    ]
    if shows_gpu(environ):
        parts.append(
            f"`{typed_torch(OLDER_BUILD)}` installs a build for CUDA 12, which needs a driver of 525 or newer; or "
            "have the driver updated; or train on the CPU: `--config device=cpu`."
        )
    else:
        parts.append(
            "Train where a GPU is (on a cluster: `gpu` or `gres` in config/cluster.yaml, and a partition that has "
            "some), or on the CPU: `--config device=cpu`, on a cluster `gpu: none`."
        )
    return " ".join(parts)


def _reason() -> str:
    """What torch says when it should use CUDA."""
    import torch

    try:
        torch.cuda.init()
    except Exception as error:  # an AssertionError of a build without CUDA, a RuntimeError of the driver
        return first_line(error).rstrip(".")
    return "it sees no GPU"


def _driver(environ: Mapping[str, str], run: Callable[..., Any]) -> str:
    """The driver in words: `driver 470.57.02 (CUDA 11.4)`, or why nothing is known of it."""
    hidden = f" ({VISIBLE} is {environ[VISIBLE]!r})" if VISIBLE in environ else ""
    if run is subprocess.run and not shutil.which("nvidia-smi"):
        return f"there is no nvidia-smi{hidden}"
    try:
        answer = run(["nvidia-smi"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi does not answer: {first_line(error)}"
    found = re.search(r"Driver Version: *([\d.]+)", answer.stdout)
    if answer.returncode or not found:
        return f"nvidia-smi says: {first_line(f'{answer.stdout}{answer.stderr}')}"
    cuda = re.search(r"CUDA Version: *([\d.]+)", answer.stdout)
    return f"driver {found[1]}" + (f" (CUDA {cuda[1]})" if cuda else "") + hidden

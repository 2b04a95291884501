"""What a segment was trained with: versions, machine, code."""

import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from segsweep.execution.mps import PIPES

PACKAGES = ("torch", "torchvision", "segmentation-models-pytorch", "albumentations", "numpy", "opencv-python-headless")
SCHEDULER_VARIABLES = ("SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_RESTART_COUNT", "CUDA_VISIBLE_DEVICES")


def versions() -> dict[str, str | None]:
    """Versions of python, of the libraries that results depend on, and the commit of this code (None: unknown)."""
    return library_versions() | {"commit": _commit()}


@cache
def library_versions() -> dict[str, str | None]:
    """Versions of python and of the libraries that results depend on (None: unknown)."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def host(threads: int, environ: Mapping[str, str]) -> dict:
    """The machine, the batch system's names for the job, and `mps` where processes share a GPU through it."""
    found = {
        "name": socket.gethostname(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "job": {name: environ[name] for name in SCHEDULER_VARIABLES if name in environ},
    }
    return found | {"mps": True} if PIPES in environ else found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str | None:
    """Commit of the code, with `-dirty` where files differ from it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None

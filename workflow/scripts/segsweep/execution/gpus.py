"""Sharing the GPUs of one machine: each training claims memory on one of them and sees only that one.

A claim is a file that its process keeps locked: the system lets go of it when the process ends, however it ends.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.private_folder import private_folder

# Until then a process may not have taken what it claimed, and the driver's figure says too little.
WARM_UP_S = 90.0
POLL_S = 2.0
FORMAT = "--format=csv,noheader,nounits"


@dataclass(frozen=True)
class Gpu:
    """A GPU as the driver sees it; memory in MB."""

    index: int
    uuid: str
    total_mb: int
    free_mb: int


def list_gpus(run=subprocess.run) -> list[Gpu]:
    """GPUs of this machine that this process may use; none where there is no driver.

    Args:
        run: runs a command, as `subprocess.run` does.
    """
    rows = _ask(["--query-gpu=index,uuid,memory.total,memory.free"], run)
    return [Gpu(int(row[0]), row[1], int(row[2]), int(row[3])) for row in rows if len(row) == 4]


def name_of(gpu: Gpu, run=subprocess.run) -> str | None:
    """What the driver calls a GPU: `NVIDIA A100-SXM4-40GB`; None if it does not say."""
    rows = _ask(["--query-gpu=name", f"--id={gpu.uuid}"], run)
    return rows[0][0] if rows else None


def capabilities(run=subprocess.run) -> list[tuple[str, tuple[int, int]]]:
    """Name and compute capability, ("Tesla T4", (7, 5)), of the GPUs that this process may use."""
    rows = {row[0]: row for row in _ask(["--query-gpu=uuid,name,compute_cap"], run) if len(row) == 3}
    there = visible(list_gpus(run), os.environ.get("CUDA_VISIBLE_DEVICES")) if rows else []
    found = []
    for _, name, capability in (rows[gpu.uuid] for gpu in there if gpu.uuid in rows):
        major, _, minor = capability.partition(".")
        if major.isdigit() and minor.isdigit():
            found.append((name, (int(major), int(minor))))
    return found


def memory_of(processes: Iterable[int], run=subprocess.run) -> float | None:
    """Memory that processes hold on all GPUs together, MB; None where the driver does not see them, as in containers.

    Args:
        processes: their numbers.
        run: as in `list_gpus`.
    """
    numbers = {str(process) for process in processes}
    rows = _ask(["--query-compute-apps=pid,used_memory"], run)
    found = [float(row[1]) for row in rows if len(row) == 2 and row[0] in numbers and row[1].isdigit()]
    return sum(found) if found else None


def has_mig(run=subprocess.run) -> bool:
    """Whether a GPU of this machine is divided into instances (MIG)."""
    return any("Enabled" in row for row in _ask(["--query-gpu=mig.mode.current"], run))


def _ask(query: list[str], run: Callable[..., Any]) -> list[list[str]]:
    """The fields of each row that the driver answers; none where there is no driver."""
    if run is subprocess.run and not shutil.which("nvidia-smi"):
        return []
    try:
        answer = run(["nvidia-smi", *query, FORMAT], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    if answer.returncode != 0:
        return []
    return [[field.strip() for field in line.split(",")] for line in answer.stdout.splitlines() if line.strip()]


def visible(gpus: list[Gpu], setting: str | None) -> list[Gpu]:
    """Those that CUDA_VISIBLE_DEVICES leaves, in its order; all if it is not set."""
    if setting is None:
        return gpus
    names = [name.strip() for name in setting.split(",") if name.strip()]
    return [gpu for name in names for gpu in gpus if name in (str(gpu.index), gpu.uuid)]


def choose(gpus: list[Gpu], claims: list[tuple[str, int, float]], memory_mb: int) -> Gpu | None:
    """The GPU with most memory that is neither taken nor claimed; None if no claim of this size fits now.

    What is too large for every GPU gets the largest one when nobody else has a claim on it.

    Args:
        gpus: GPUs of this machine.
        claims: (uuid, MB, age in seconds) of the claims in force.
        memory_mb: memory to claim.
    """
    best, best_left = None, -1
    for gpu in gpus:
        mine = [(mb, age) for uuid, mb, age in claims if uuid == gpu.uuid]
        coming = sum(mb for mb, age in mine if age < WARM_UP_S)
        left = min(gpu.free_mb - coming, gpu.total_mb - sum(mb for mb, _ in mine))
        fits = left >= memory_mb or (memory_mb > gpu.total_mb and not mine)
        if fits and left > best_left:
            best, best_left = gpu, left
    return best


def claim(
    memory_mb: int,
    *,
    gpus: Callable[[], list[Gpu]] = list_gpus,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Gpu, int] | None:
    """Claim memory on a GPU, waiting until there is some.

    Args:
        memory_mb: memory to claim.
        gpus: lists the GPUs to choose from.
        folder: where claims lie; a folder of this user's on this machine.
        say: told once that it waits.
        sleep: waits some seconds.

    Returns:
        The GPU, and the open file that holds the claim for as long as this process (or one that it becomes) lives;
        None on a machine without a GPU.

    Raises:
        PermissionError: the folder may be another user's.
    """
    folder = folder or private_folder("segsweep-gpus")
    told = False
    while True:
        there = gpus()
        if not there:
            return None
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one chooses at a time
            gpu = choose(there, in_force(folder), memory_mb)
            if gpu is not None:
                return gpu, _write(folder, gpu, memory_mb)
        if not told:
            told = True
            say(f"waiting for {memory_mb} MB on one of {len(there)} GPUs")
        sleep(POLL_S)


def in_force(folder: Path) -> list[tuple[str, int, float]]:
    """(uuid, MB, age in seconds) of the claims of living processes; removes those of dead ones."""
    found = []
    for path in sorted(folder.glob("*.claim")):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                uuid, mb = file.read().split()
                found.append((uuid, int(mb), time.time() - path.stat().st_mtime))
                continue
        path.unlink()
    return found


def _write(folder: Path, gpu: Gpu, memory_mb: int) -> int:
    path = folder / f"{os.getpid()}-{time.monotonic_ns()}.claim"
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, f"{gpu.uuid} {memory_mb}".encode())
    os.set_inheritable(handle, True)  # the program that this process becomes keeps it
    return handle

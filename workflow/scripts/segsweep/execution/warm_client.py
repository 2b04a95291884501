"""Running a program in a process that has imported already what it needs (see `warm_server`).

Importing torch, torchvision, segmentation_models_pytorch and albumentations takes seconds of a core, and this project's
own code half a second more; a short training would pay them each time. This side imports none of them.
"""

import fcntl
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from segsweep.private_folder import private_folder

START_S = 120.0
SCRIPTS = Path(__file__).resolve().parents[2]
FORWARDED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
# Variables that libraries read when they are imported, or that name a job with whose end the server would end.
READ_AT_IMPORT = (
    "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "PYTHON", "LD_", "TORCH", "PYTORCH", "HF_",
    "SLURM_JOB_ID", "SLURM_STEP_ID",
)  # fmt: skip
LENGTH = struct.Struct("!Q")
STATUS = struct.Struct("!i")
BEGUN = b"+"


def run_warm(
    module: str,
    argv: list[str],
    environ: Mapping[str, str] = os.environ,
    *,
    scripts: Path = SCRIPTS,
    preload: str = "segsweep.execution.pack:preload",
) -> int | None:
    """Run `module.main(argv)` in a process forked by the server, which is started where there is none.

    Working directory, environment and open output are this process's; SIGTERM, SIGUSR1 and SIGINT are passed on,
    and when this process dies its job gets SIGTERM.

    Args:
        module: name of a program in the folder `scripts`.
        preload: `module:NAME` of the function by which a new server imports what jobs need.

    Returns:
        The exit status (128 + the number of a signal that killed it), or None where no server can be had: nothing
        was run then.
    """
    if sys.platform != "linux":
        return None
    try:
        code = code_state(scripts)
        connection = _connect(_address(environ, preload, code), environ, (preload, str(scripts), code))
    except OSError:
        return None
    if connection is None:
        return None
    request = {"module": module, "argv": argv, "scripts": str(scripts), "environ": dict(environ), "cwd": os.getcwd()}
    body = json.dumps(request | {"cores": sorted(os.sched_getaffinity(0)), "umask": _umask()}).encode()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # a signal must not speak into the request
    handlers = {number: signal.signal(number, lambda n, _: connection.send(bytes([n]))) for number in FORWARDED}
    try:
        socket.send_fds(connection, [LENGTH.pack(len(body))], [0, 1, 2])
        connection.sendall(body)
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        if receive(connection, len(BEGUN)) is None:
            return None
        answer = receive(connection, STATUS.size)
    except OSError:
        return None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        connection.close()
    if answer is None:
        print("the process that ran this job is gone without a word", file=sys.stderr)
        return 1
    code = STATUS.unpack(answer)[0]
    return 128 - code if code < 0 else code


def receive(connection: socket.socket, count: int) -> bytes | None:
    """That many bytes; None if the other side ends before."""
    found = b""
    while len(found) < count:
        part = connection.recv(min(count - len(found), 1 << 16))
        if not part:
            return None
        found += part
    return found


def code_state(scripts: Path) -> str:
    """Digest of the paths, sizes and times of this project's files and of the programs in `scripts`."""
    files = [entry for entry in os.scandir(scripts) if entry.name.endswith(".py")]
    folders = [str(SCRIPTS / "segsweep")]
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_file():
                files.append(entry)
            elif entry.name != "__pycache__":
                folders.append(entry.path)
    states = sorted((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files)
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _connect(address: str, environ: Mapping[str, str], serve: tuple[str, ...]) -> socket.socket | None:
    """A connection to the server at this address, started if there is none; None if it does not come up."""
    if connection := _try(address):
        return connection
    with open(f"{address}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several clients, one starts it
        if connection := _try(address):
            return connection
        code = (
            f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
            f"from segsweep.execution.warm_server import serve; serve({address!r}, *{serve!r})"
        )
        # None of this process's output may be held open: who reads it waits for its end.
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        command = [sys.executable, "-c", code]
        server = subprocess.Popen(command, cwd="/", env=dict(environ), start_new_session=True, **quiet)
        until = time.monotonic() + START_S
        while server.poll() is None and time.monotonic() < until:
            if connection := _try(address):
                return connection
            time.sleep(0.05)
    return None


def _try(address: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        return connection
    except OSError:
        connection.close()
        return None


def _address(environ: Mapping[str, str], preload: str, code: str) -> str:
    """Path of the socket, in a folder that only this user can enter; its name stands for all that a server holds fixed.

    Raises:
        PermissionError: the folder is open to others.
    """
    folder = private_folder("segsweep")
    packages = [Path(path) for path in sys.path if path.endswith("-packages") and os.path.isdir(path)]
    fixed = [sys.executable, sys.version, preload, code, *((str(path), path.stat().st_mtime_ns) for path in packages)]
    fixed += sorted((name, value) for name, value in environ.items() if name.startswith(READ_AT_IMPORT))
    return str(folder / hashlib.sha256(repr(fixed).encode()).hexdigest()[:16])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Running a program in a process that has imported already what it needs (see `warm_server`).

Importing torch, torchvision, segmentation_models_pytorch and albumentations takes seconds of a core, and this project's
own code half a second more; a short training would pay them each time. This side imports none of them.

A socket's name stands for all that the process behind it holds fixed. Where nobody listens at that for a state of the
code, a client asks the process that has the libraries for one, and starts that where there is none.
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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from segsweep.private_folder import private_folder
from segsweep.project_files import PACKAGE, SCRIPTS

START_S = 120.0
FORWARDED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
# Variables that are read when a process starts or imports libraries, or that name a job with which it would end.
READ_AT_IMPORT = (
    "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "GLIBC_", "MALLOC_", "PYTHON", "LD_", "TORCH", "PYTORCH", "HF_",
    "SLURM_JOB_ID", "SLURM_STEP_ID",
)  # fmt: skip
# What libraries read at import to know how many threads are theirs. A warm process has one; its jobs tell torch.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What a process with the libraries runs itself. Clones and states of the code that have the same share one.
SERVER_CODE = (
    "execution/preloading",
    "execution/warm_client",
    "execution/warm_job",
    "execution/warm_server",
    "exits",
    "lean_imports",
    "private_folder",
)
LENGTH = struct.Struct("!Q")
STATUS = struct.Struct("!i")
BEGUN = b"+"


class Imports(NamedTuple):
    """`module:NAME` of the functions that import what jobs need: libraries, and what is in force until it is edited."""

    libraries: str = "segsweep.execution.preloading:import_libraries"
    code: str = "segsweep.execution.preloading:import_code"


OF_TRAININGS = Imports()


def run_warm(
    module: str,
    argv: list[str],
    environ: Mapping[str, str] = os.environ,
    *,
    scripts: Path = SCRIPTS,
    imports: Imports = OF_TRAININGS,
    start: bool = True,
) -> int | None:
    """Run `module.main(argv)` in a process forked by the server, which is started where there is none.

    Working directory, environment and open output are this process's; SIGTERM, SIGUSR1 and SIGINT are passed on,
    and when this process dies its job gets SIGTERM.

    Args:
        module: name of a program in the folder `scripts`.
        imports: what a new server imports.
        start: False uses only a server that is there.

    Returns:
        The exit status (128 + the number of a signal that killed it), or None where no server can be had: nothing
        was run then.
    """
    if sys.platform != "linux":
        return None
    try:
        connection = _connect(environ, scripts, imports, start)
    except OSError:
        return None
    if connection is None:
        return None
    request = {"module": module, "argv": argv, "scripts": str(scripts), "environ": dict(environ), "cwd": os.getcwd()}
    request |= {"cores": sorted(os.sched_getaffinity(0)), "umask": _umask()}
    former = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # a signal must not speak into the request
    handlers = {number: signal.signal(number, lambda n, _: connection.send(bytes([n]))) for number in FORWARDED}
    try:
        send(connection, request, [0, 1, 2])
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


def send(connection: socket.socket, request: Mapping[str, object], handles: Sequence[int] = ()) -> None:
    """Send a request, with open files."""
    body = json.dumps(request).encode()
    socket.send_fds(connection, [LENGTH.pack(len(body))], handles)
    connection.sendall(body)


def receive(connection: socket.socket, count: int) -> bytes | None:
    """That many bytes; None if the other side ends before."""
    found = b""
    while len(found) < count:
        part = connection.recv(min(count - len(found), 1 << 16))
        if not part:
            return None
        found += part
    return found


def code_state(scripts: Path, package: Path) -> str:
    """Digest of the paths, sizes and times of the programs in `scripts` and of the files of the package."""
    files = [entry for entry in os.scandir(scripts) if entry.name.endswith(".py")]
    folders = [str(package)]
    for folder in folders:
        for entry in os.scandir(folder):
            if entry.is_file():
                files.append(entry)
            elif entry.name != "__pycache__":
                folders.append(entry.path)
    states = sorted((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files)
    return _digest(states)


def server_code(package: Path) -> str:
    """Digest of what a process with the libraries runs of the package: of the texts, which clones share."""
    return _digest([(package / f"{name}.py").read_bytes() for name in SERVER_CODE])


def _connect(environ: Mapping[str, str], scripts: Path, imports: Imports, start: bool) -> socket.socket | None:
    """A connection to the server of this state of the code; None if none comes up.

    Raises:
        OSError: the folder of sockets is open to others; a server is gone or silent.
    """
    folder = private_folder("segsweep")
    server, code = server_code(PACKAGE), code_state(scripts, PACKAGE)
    libraries = str(folder / _digest([*_environment(environ), imports.libraries, server])[:16])
    address = str(folder / _digest([libraries, imports.code, code])[:16])
    connection = _try(address)
    if connection or not start:
        return connection
    with open(f"{libraries}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several clients, one starts what lacks
        if connection := _try(address):
            return connection
        connection = _try(libraries) or _start((libraries, imports.libraries, server), environ)
        if connection is None:
            return None
        with connection:
            connection.settimeout(START_S)
            request = {"address": address, "imports": imports.code, "code": code, "environ": dict(environ)}
            send(connection, request | {"scripts": str(scripts), "package": str(PACKAGE)})
            receive(connection, len(BEGUN))
        return _try(address)


def _start(serve: tuple[str, str, str], environ: Mapping[str, str]) -> socket.socket | None:
    """A connection to a new process that has the libraries; None if it does not come up.

    Args:
        serve: arguments of `warm_server.serve_libraries`.
    """
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        f"from segsweep.execution.warm_server import serve_libraries; serve_libraries(*{serve!r})"
    )
    # None of this process's output may be held open: who reads it waits for its end.
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    command = [sys.executable, "-P", "-c", code]
    alone = dict(environ) | dict.fromkeys(THREAD_VARIABLES, "1")
    server = subprocess.Popen(command, cwd="/", env=alone, start_new_session=True, **quiet)
    until = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until:
        if connection := _try(serve[0]):
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


def _environment(environ: Mapping[str, str]) -> list[object]:
    """What libraries depend on when they are imported."""
    packages = [Path(path) for path in sys.path if path.endswith("-packages") and os.path.isdir(path)]
    names = {name for name in environ if name.startswith(READ_AT_IMPORT)} - set(THREAD_VARIABLES)
    variables = sorted((name, environ[name]) for name in names)
    return [sys.executable, sys.version, [(str(path), path.stat().st_mtime_ns) for path in packages], variables]


def _digest(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

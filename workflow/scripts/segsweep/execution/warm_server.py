"""A process that has the libraries and the code of trainings imported and forks a process per job, for `run_warm`.

It starts no thread and touches no GPU. Its address stands for the code that it imported: once that is edited, clients
ask for another server, so that what was edited is in force at the next job. It ends itself when no job runs and it has
not been asked for a while: a minute, or some seconds where the Snakemakes that asked are gone. SEGSWEEP_WARM_S in its
environment says how many.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from segsweep.execution.warm_client import BEGUN, LENGTH, STATUS, code_state, receive
from segsweep.exits import end_with

IDLE_S = 60.0
ALONE_S = 5.0
START = "SEGSWEEP_START"  # names the Snakemake that a client belongs to; its process is the last part


def serve(address: str, preload: str, scripts: str, code: str, idle_s: float = IDLE_S) -> None:
    """Listen at a socket until nothing was asked for `idle_s` seconds and no job runs.

    Args:
        address: path of the socket; it appears once all is imported.
        preload: `module:NAME` of a function that imports what jobs need.
        scripts: folder of the programs that are asked for.
        code: what `code_state` says of it; the server ends at once if it is another one by now.
    """
    module, _, name = preload.partition(":")
    getattr(import_module(module), name)()
    if code_state(Path(scripts)) != code:
        return
    gc.freeze()  # collections in the jobs then leave the shared pages alone
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.{os.getpid()}")
    listener.listen(64)
    alone_s = float(os.environ.get("SEGSWEEP_WARM_S", ALONE_S))
    told, tell = os.pipe()  # the processes of Snakemake whose jobs came, by the children that read the requests
    snakemakes: set[int] = set()
    os.rename(f"{address}.{os.getpid()}", address)  # from now on clients find it
    mine = os.stat(address).st_ino
    jobs: set[int] = set()
    asked = time.monotonic()
    while True:
        jobs -= {pid for pid in jobs if os.waitpid(pid, os.WNOHANG)[0]}
        snakemakes = {pid for pid in snakemakes if _lives(pid)}
        over = not jobs and time.monotonic() - asked >= (idle_s if snakemakes else min(idle_s, alone_s))
        if over and os.path.exists(address) and os.stat(address).st_ino == mine:
            os.unlink(address)  # before the last look: who connected until now is still heard
        ready = select.select([listener, told], [], [], 0.0 if over else 1.0)[0]
        if told in ready:
            snakemakes |= {int(pid) for pid in os.read(told, 4096).split()}
        if listener not in ready:
            if over:
                return
            continue
        connection, _ = listener.accept()
        pid = os.fork()
        if pid == 0:
            listener.close()
            os._exit(_supervise(connection, tell))
        jobs.add(pid)
        connection.close()
        asked = time.monotonic()


def _lives(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def _supervise(connection: socket.socket, tell: int) -> int:
    """See one job through: say whose it is, pass signals on, answer its exit status, end it when the client is gone."""
    head, handles, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    body = receive(connection, LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None
    if body is None or len(handles) != 3:
        return 1
    request = json.loads(body)
    os.write(tell, f"{request['environ'].get(START, '').rpartition('-')[2] or os.getpid()} ".encode())
    os.close(tell)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)  # the end of the job ends the select below
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for handle in (woken, wake, connection.fileno()):
            os.close(handle)
        end_with(lambda: _become(request, handles))
    for handle in handles:
        os.close(handle)  # who reads the client's output must see its end with the job's
    watched = [connection, woken]
    with suppress(OSError):  # if the client is gone, the loop below sees it
        connection.sendall(BEGUN)
    while True:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        ready = select.select(watched, [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
        if connection in ready:
            try:
                numbers = connection.recv(64)
            except OSError:
                numbers = b""
            if not numbers:
                watched.remove(connection)
            for number in numbers or [signal.SIGTERM]:
                os.kill(pid, number)
    try:
        connection.sendall(STATUS.pack(os.waitstatus_to_exitcode(code)))
    except OSError:  # nobody waits for it any more
        return 1
    return 0


def _become(request: dict, handles: list[int]) -> int:
    """Be the job; returns its exit status."""
    os.setsid()
    for target, handle in enumerate(handles):
        os.dup2(handle, target)
        os.close(handle)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.environ.clear()
    os.environ.update(request["environ"])
    os.umask(request["umask"])
    os.sched_setaffinity(0, request["cores"])
    os.chdir(request["cwd"])
    sys.argv = [str(Path(request["scripts"], f"{request['module']}.py")), *request["argv"]]
    sys.path[0] = request["scripts"]
    return import_module(request["module"]).main(request["argv"])

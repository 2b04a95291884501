"""Processes that fork a process per job, for `run_warm`, one for each state of the code; and one that has the libraries
imported, from which those are forked.

None starts a thread or touches a GPU. What has the libraries keeps none of this project's modules: clones and states of
the code share it. The address of a server of jobs stands for the code that it imported: once that is edited, clients
ask for another one, so that what was edited is in force at the next job, half a second later.

They end themselves when no job runs and they have not been asked for a while: a server of jobs after a minute, or some
seconds where the Snakemakes that asked are gone; what has the libraries some minutes after the last server of jobs.
SEGSWEEP_WARM_S in the environment says how many seconds to wait once the Snakemakes are gone, of both.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from segsweep.execution.warm_client import BEGUN, LENGTH, STATUS, code_state, receive, server_code
from segsweep.exits import end_with

# Seconds without a request after which a server of jobs ends, while a Snakemake that asked lives and when none does.
IDLE_S, ALONE_S = 60.0, 5.0
LIBRARIES_S = 300.0
WAITS = "SEGSWEEP_WARM_S"
START = "SEGSWEEP_START"  # names the Snakemake that a client belongs to; its process is the last part


def serve_libraries(address: str, imports: str, code: str) -> None:
    """Import libraries, then listen for clients that want a server of jobs.

    Args:
        address: path of the socket; it appears once all is imported.
        imports: `module:NAME` of the function that imports the libraries.
        code: what `server_code` says of this file and what it uses; another one by now serves nobody.
    """
    _call(imports)
    if server_code(Path(__file__).parents[1]) != code:
        return
    wait_s = float(os.environ.get(WAITS, LIBRARIES_S))
    _listen(address, _serve_jobs, wait_s, wait_s)


def _serve_jobs(connection: socket.socket, tell: int) -> int:
    """In a process of its own: import the code that a client names, say that it is there, listen for jobs."""
    request, _ = _request(connection, tell)
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.path[0] = request["scripts"]  # in place of those of the clone whose client had the libraries imported
    for name in [name for name in sys.modules if name.split(".")[0] == "segsweep"]:
        del sys.modules[name]
    _call(request["imports"])
    if code_state(Path(request["scripts"]), Path(request["package"])) != request["code"]:
        return 1

    def say() -> None:
        with suppress(OSError):  # who asked may be gone; others will come
            connection.sendall(BEGUN)
        connection.close()

    _listen(request["address"], _supervise, IDLE_S, float(os.environ.get(WAITS, ALONE_S)), say)
    return 0


def _call(function: str) -> None:
    module, _, name = function.partition(":")
    getattr(import_module(module), name)()


def _listen(
    address: str,
    work: Callable[[socket.socket, int], int],
    idle_s: float,
    alone_s: float,
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Listen at a socket until nothing was asked for a while and nothing that was asked for runs.

    Args:
        address: path of the socket.
        work: done in a forked process for each client, with the connection to it and the file to `_request` it with.
        idle_s: seconds to wait for the next client while a Snakemake lives to which one belonged.
        alone_s: while none does.
        begun: called once clients can connect.
    """
    gc.freeze()  # collections in forked processes then leave the shared pages alone
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.{os.getpid()}")
    listener.listen(64)
    told, tell = os.pipe()  # the processes of Snakemake whose clients came, by the children that read the requests
    snakemakes: set[int] = set()
    os.rename(f"{address}.{os.getpid()}", address)  # from now on clients find it
    mine = os.stat(address).st_ino
    begun()
    children: set[int] = set()
    asked = time.monotonic()
    while True:
        children -= {pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]}
        snakemakes = {pid for pid in snakemakes if _lives(pid)}
        over = not children and time.monotonic() - asked >= (idle_s if snakemakes else alone_s)
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
            os.close(told)
            end_with(partial(work, connection, tell))
        children.add(pid)
        connection.close()
        asked = time.monotonic()


def _lives(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def _request(connection: socket.socket, tell: int) -> tuple[dict[str, Any], list[int]]:
    """What a client asks for, and its open files; whose client it is is told.

    Raises:
        ConnectionError: it is gone.
    """
    head, handles, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    body = receive(connection, LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None
    if body is None:
        raise ConnectionError("the client is gone")
    request = json.loads(body)
    os.write(tell, f"{request['environ'].get(START, '').rpartition('-')[2] or os.getpid()} ".encode())
    os.close(tell)
    return request, handles


def _supervise(connection: socket.socket, tell: int) -> int:
    """See one job through: say whose it is, pass signals on, answer its exit status, end it when the client is gone."""
    request, handles = _request(connection, tell)
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

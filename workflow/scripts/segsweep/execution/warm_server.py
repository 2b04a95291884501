"""Processes that fork others which run jobs, for `run_warm`, one for each state of the code; and one that has the
libraries imported, from which those are forked.

None starts a thread or touches a GPU. What has the libraries keeps none of this project's modules: clones and states of
the code share it. The address of a server of jobs stands for the code that it imported: once that is edited, clients
ask for another one, so that what was edited is in force at the next job, half a second later.

They end themselves when no job runs and they have not been asked for a while: a server of jobs after a minute, or some
seconds where the Snakemakes that asked are gone; what has the libraries some minutes after the last server of jobs.
SEGSWEEP_WARM_S in the environment says how many seconds to wait once the Snakemakes are gone, of both.
"""

import gc
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from segsweep.execution.warm_client import BEGUN, code_state, server_code
from segsweep.execution.warm_job import Request, read_request, serve_clients
from segsweep.exits import end_with

# Seconds without a request after which a server of jobs ends, while a Snakemake that asked lives and when none does.
IDLE_S, ALONE_S = 60.0, 5.0
LIBRARIES_S = 300.0
# Seconds that a process which can do more waits for the next client, holding its memory.
FREE_S = 2.0
FREE = b"free"
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


def _serve_jobs(connection: socket.socket, link: socket.socket) -> int:
    """In a process of its own: import the code that a client names, say that it is there, listen for jobs."""
    asked = read_request(connection)
    if asked is None:
        return 1
    request, _ = asked
    _tell_whose(request, link)
    link.close()
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

    _listen(request["address"], _see_jobs_through, IDLE_S, float(os.environ.get(WAITS, ALONE_S)), say)
    return 0


def _see_jobs_through(connection: socket.socket, link: socket.socket) -> int:
    """In a process of its own: see jobs through, as long as their process stays and the server has more."""

    def wait() -> socket.socket | None:
        try:
            link.sendall(FREE)
            _, handles, _, _ = socket.recv_fds(link, len(FREE), 1)
        except ConnectionError:  # the server is gone
            return None
        return socket.socket(fileno=handles[0]) if handles else None

    return serve_clients(connection, partial(_tell_whose, link=link), wait)


def _tell_whose(request: Request, link: socket.socket) -> None:
    """Tell the process that listens which Snakemake a client belongs to, itself if to none."""
    pid = request["environ"].get(START, "").rpartition("-")[2] or os.getpid()
    link.sendall(str(pid).encode())


def _call(function: str) -> None:
    module, _, name = function.partition(":")
    getattr(import_module(module), name)()


def _listen(
    address: str,
    work: Callable[[socket.socket, socket.socket], int],
    idle_s: float,
    alone_s: float,
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Listen at a socket until nothing was asked for a while and nothing that was asked for runs.

    Args:
        address: path of the socket.
        work: done in a forked process for a client, with the connection to it and a link to this process. There it
            tells the process of the client's Snakemake, and `FREE` when it can do more: the next client's connection
            comes back, or the end.
        idle_s: seconds to wait for the next client while a Snakemake lives to which one belonged.
        alone_s: while none does.
        begun: called once clients can connect.
    """
    gc.freeze()  # collections in forked processes then leave the shared pages alone
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.{os.getpid()}")
    listener.listen(64)
    os.rename(f"{address}.{os.getpid()}", address)  # from now on clients find it
    mine = os.stat(address).st_ino
    begun()
    snakemakes: set[int] = set()
    children: list[_Child] = []
    asked = time.monotonic()
    while True:
        children = [child for child in children if not child.has_ended()]
        snakemakes = {pid for pid in snakemakes if _lives(pid)}
        over = not children and time.monotonic() - asked >= (idle_s if snakemakes else alone_s)
        if over and os.path.exists(address) and os.stat(address).st_ino == mine:
            os.unlink(address)  # before the last look: who connected until now is still heard
        watched = [listener, *(child.link for child in children if child.speaks)]
        ready = select.select(watched, [], [], 0.0 if over else 1.0)[0]
        for child in children:
            if child.link in ready and (snakemake := child.hear()):
                snakemakes.add(snakemake)
            child.dismiss_if_free_for(FREE_S)
        if listener not in ready:
            if over:
                return
            continue
        connection, _ = listener.accept()
        if not any(child.take(connection) for child in reversed(children)):
            children.append(_Child(partial(work, connection), [listener, *(child.link for child in children)]))
        connection.close()
        asked = time.monotonic()


class _Child:
    """A forked process that sees to a client, and to further ones when it is free again.

    Attributes:
        link: to it.
        speaks: whether it may say something more.
    """

    def __init__(self, work: Callable[[socket.socket], int], inherited: Iterable[socket.socket]):
        """
        Args:
            work: done in the process with its link to this one; returns its exit status.
            inherited: what the process must close.
        """
        self.link, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self.speaks = True
        self._free_since: float | None = None
        self._pid = os.fork()
        if self._pid == 0:
            for one in [*inherited, self.link]:
                one.close()
            end_with(partial(work, theirs))
        theirs.close()

    def has_ended(self) -> bool:
        """Whether it has; it is seen off then."""
        if not os.waitpid(self._pid, os.WNOHANG)[0]:
            return False
        self.link.close()
        return True

    def hear(self) -> int | None:
        """Hear what it says; returns the process of a Snakemake where it tells one."""
        try:
            said = self.link.recv(64)
        except ConnectionError:
            said = b""
        self.speaks = bool(said)
        if said == FREE:
            self._free_since = time.monotonic()
        return int(said) if said and said != FREE else None

    def take(self, connection: socket.socket) -> bool:
        """Have it see to a client, if it is free and still there."""
        if self._free_since is None:
            return False
        self._free_since = None
        try:
            socket.send_fds(self.link, [FREE], [connection.fileno()])
        except OSError:
            return False
        return True

    def dismiss_if_free_for(self, seconds: float) -> None:
        """Have it end if it has been free for so long."""
        if self._free_since is not None and time.monotonic() - self._free_since >= seconds:
            self._free_since = None
            self.link.shutdown(socket.SHUT_WR)


def _lives(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")

"""Jobs of the warm server: the process that runs a program, and the one that sees it through for a client.

A program that can leave its process as it was says so by a function `stays`. The process then runs what the next client
asks for, if its own would find the same around it. So a training finds the kernels of its convolutions compiled.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from warnings import catch_warnings

from segsweep.execution.warm_client import BEGUN, LENGTH, STATUS, receive, send
from segsweep.exits import end_with, take_signals_as_usual

# What two requests must have in common to be run by one process: its libraries look at them once.
LOOKED_AT_ONCE = ("environ", "cores")
Request = dict[str, Any]


def read_request(connection: socket.socket) -> tuple[Request, list[int]] | None:
    """A request and open files, as `warm_client.send` sends them; None if the other side is gone."""
    try:
        head, handles, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
        body = receive(connection, LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None
    except ConnectionError:
        return None
    return None if body is None else (json.loads(body), handles)


def serve_clients(
    connection: socket.socket | None, told: Callable[[Request], None], wait: Callable[[], socket.socket | None]
) -> int:
    """See a client's job through, and those of further clients while the process of the job stays.

    Args:
        connection: to the first client.
        told: called with each request.
        wait: gives the connection to the next client; None when there is none.

    Returns:
        The exit status of this process.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)  # the end of a process ends the waiting for it
    process = None
    while connection and (asked := read_request(connection)):
        request, handles = asked
        told(request)
        if process and not (process.fits(request) and process.give(request, handles)):
            process = process.dismiss()
        if not process:
            process = JobProcess(request, [woken, wake, connection.fileno(), *handles])
            process.give(request, handles)
        for handle in handles:
            os.close(handle)  # who reads the client's output must see its end with the job's
        with suppress(OSError):  # if the client is gone, its job is told
            connection.sendall(BEGUN)
        code, stays = _see_through(process, connection, woken)
        with suppress(OSError), connection:  # nobody may wait for it any more
            connection.sendall(STATUS.pack(code))
        connection = wait() if stays else None
    if process:
        process.dismiss()
    return 0


def _see_through(process: "JobProcess", connection: socket.socket, woken: int) -> tuple[int, bool]:
    """Pass on what the client says until its job has `ended`; the end of the client ends the job."""
    watched = [connection, process.channel, woken]
    while not (ended := process.ended()):
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
                os.kill(process.pid, number)
    return ended


class JobProcess:
    """A forked process that runs a program, and further ones if that stays.

    Attributes:
        pid: its process id.
        channel: requests go there, and statuses come from there.
    """

    def __init__(self, request: Request, inherited: list[int]):
        """
        Args:
            request: the first that will be given.
            inherited: open files that the forked process closes.
        """
        self._found = [request[name] for name in LOOKED_AT_ONCE]
        self.channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            signal.set_wakeup_fd(-1)
            for handle in [*inherited, self.channel.fileno()]:
                os.close(handle)
            end_with(lambda: _run_what_comes(theirs))
        theirs.close()

    def fits(self, request: Request) -> bool:
        """Whether it found around itself what the request asks for."""
        return self._found == [request[name] for name in LOOKED_AT_ONCE]

    def give(self, request: Request, handles: list[int]) -> bool:
        """Have it run a program; False if it is gone."""
        try:
            send(self.channel, request, handles)
            return receive(self.channel, len(BEGUN)) is not None
        except ConnectionError:
            return False

    def ended(self) -> tuple[int, bool] | None:
        """How its program ended, and whether it is still there; None while it runs.

        Returns:
            An exit status, or minus the number of the signal that killed the process.
        """
        try:
            answer, options = self.channel.recv(STATUS.size, socket.MSG_DONTWAIT), 0
        except BlockingIOError:
            answer, options = b"", os.WNOHANG  # a process that it has left behind may hold the channel open
        except ConnectionError:
            answer, options = b"", 0
        if answer:
            return STATUS.unpack(answer)[0], True
        pid, code = os.waitpid(self.pid, options)
        return (os.waitstatus_to_exitcode(code), False) if pid else None

    def dismiss(self) -> None:
        """Have it end, if it has not."""
        self.channel.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _run_what_comes(channel: socket.socket) -> int:
    """Run the programs that are asked for; returns the exit status of the last, which is not answered."""
    os.setsid()
    while asked := read_request(channel):
        take_signals_as_usual()
        channel.sendall(BEGUN)
        with catch_warnings():  # what is warned of once is warned of once in each log
            status, stays = _run(*asked)
        if not stays:
            return status
        take_signals_as_usual()
        channel.sendall(STATUS.pack(status))
    return 0


def _run(request: Request, handles: list[int]) -> tuple[int, bool]:
    """Run a program; returns its exit status, and whether the process can run another one."""
    _write_to(handles)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.umask(request["umask"])
    os.sched_setaffinity(0, request["cores"])
    os.chdir(request["cwd"])
    sys.argv = [str(Path(request["scripts"], f"{request['module']}.py")), *request["argv"]]
    sys.path[0] = request["scripts"]
    program = import_module(request["module"])
    stays = program.stays(request["argv"]) if hasattr(program, "stays") else lambda: False
    status = program.main(request["argv"])
    if status or not stays():
        return status, False
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return status, False
    _write_to([os.open(os.devnull, os.O_RDWR) for _ in range(3)])
    return status, True


def _write_to(handles: list[int]) -> None:
    """Have these files be input, output and errors of this process."""
    for target, handle in enumerate(handles):
        os.dup2(handle, target)
        os.close(handle)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))

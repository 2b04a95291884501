"""NVIDIA's Multi-Process Service: processes that share a GPU compute on it at the same time, and not by turns.

A daemon of one's own, with its pipes and logs in a private folder. Processes find it by their environment, so it is
started before they are. Where it does not start, all works without it.

Source: NVIDIA, "Multi-Process Service", sections "Starting and stopping MPS on Linux" and "Environment variables".
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path

from segsweep.execution.gpus import has_mig, list_gpus, visible
from segsweep.private_folder import private_folder

CONTROL = "nvidia-cuda-mps-control"
PIPES, LOGS, DEVICES = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY", "CUDA_VISIBLE_DEVICES"
SERVER_S = 20.0  # a server has its contexts in a few
COMMAND_S = 60.0


class MultiProcessService:
    """The service of this process and of those that it starts."""

    def __init__(
        self,
        environ: MutableMapping[str, str] = os.environ,
        say: Callable[[str], None] = print,
        sleep: Callable[[float], None] = time.sleep,
    ):
        """
        Args:
            environ: where processes started later find the service.
            say: told whether it is in force, and if not, why.
            sleep: waits some seconds.
        """
        self.environ, self.say, self.sleep = environ, say, sleep
        self._folder: Path | None = None
        self._former: dict[str, str | None] = {}

    def start(self) -> bool:
        """Start it where that can be done; whether it is in force."""
        if PIPES in self.environ:
            self.say(f"MPS: in force, started before ({PIPES}={self.environ[PIPES]})")
            return True
        try:
            why_not = self._start()
        except (OSError, subprocess.SubprocessError) as error:
            why_not = str(error)
        if why_not:
            self.stop()
            self.say(f"MPS: not in force, processes take turns on the GPU: {why_not}")
            return False
        self.say(f"MPS: in force, in {self._folder}")
        return True

    def stop(self) -> None:
        """End it, if this started it."""
        if self._folder is None:
            return
        try:
            self._ask("quit")
        except (OSError, subprocess.SubprocessError) as error:
            self.say(f"MPS: did not end: {error}")
        for name, value in self._former.items():
            if value is None:
                self.environ.pop(name, None)
            else:
                self.environ[name] = value
        shutil.rmtree(self._folder, ignore_errors=True)  # the daemon may still hold a pipe
        self._folder = None

    def _start(self) -> str:
        """Start daemon and server; returns what hinders it."""
        if not shutil.which(CONTROL, path=self.environ.get("PATH")):
            return f"there is no {CONTROL}"
        setting = self.environ.get(DEVICES)
        gpus = visible(list_gpus(), setting)
        if not gpus:
            return "there is no GPU, or only a part of one"
        if has_mig():
            return "a GPU is divided (MIG)"
        self._folder = private_folder("segsweep-mps") / str(os.getpid())
        shutil.rmtree(self._folder, ignore_errors=True)  # of a process that had the number before
        names = {PIPES: str(self._folder / "pipes"), LOGS: str(self._folder / "logs")}
        for folder in names.values():
            os.makedirs(folder, mode=0o700)
        if setting is not None:
            # Of numbers, the daemon makes others for those that connect to it.
            names[DEVICES] = ",".join(gpu.uuid for gpu in gpus)
        self._former = {name: self.environ.get(name) for name in names}
        self.environ.update(names)
        started = self._run([CONTROL, "-d"], None)
        if started.returncode:
            return self._reason(started)
        self._ask(f"start_server -uid {os.getuid()}")
        for _ in range(round(SERVER_S / 0.5)):
            if self._ask("get_server_list").stdout.strip():
                return ""
            self.sleep(0.5)
        return self._reason(None)

    def _ask(self, command: str) -> subprocess.CompletedProcess[str]:
        return self._run([CONTROL], f"{command}\n")

    def _run(self, command: list[str], text: str | None) -> subprocess.CompletedProcess[str]:
        # The daemon would hold open a pipe of this process's that it gets as its output.
        output = self._folder / "answer"
        with output.open("w") as file:
            done = subprocess.run(
                command, input=text, stdout=file, stderr=file, text=True, timeout=COMMAND_S, env=dict(self.environ)
            )
        done.stdout = output.read_text(errors="replace")
        return done

    def _reason(self, started: subprocess.CompletedProcess[str] | None) -> str:
        """What the daemon said last, or its logs."""
        said = started.stdout.strip() if started else ""
        for log in ("server.log", "control.log"):
            path = Path(self.environ[LOGS], log)
            if not said and path.is_file():
                said = path.read_text(errors="replace").strip()
        return said.splitlines()[-1] if said else "its server does not start"

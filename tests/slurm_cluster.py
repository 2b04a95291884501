"""The Slurm of the tests: its node, its jobs and their processes, and waiting that ends when nothing can come."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.workspace import ROOT

CLUSTER = ROOT.parent / "shared" / "slurm" / "cluster"
NODE = "gpu1"
CONTROLLER_LOG = Path("/tmp/slurm-test/log/slurmctld.log")
CONTROLLER_PID = Path("/tmp/slurm-test/run/slurmctld.pid")
CONFIGURATION = "/tmp/slurm-test/etc/slurm.conf"
# Debian has the daemons where only root looks.
WITH_SLURM = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
# Nothing changed for so long - no job, no process, no line of output: what is waited for will not come. Snakemake's
# looks at the queue are the slowest: they grow 10 s apart with each that finds nothing new.
QUIET_S = 120
# However much changes.
PATIENCE_S = 400
# Why Slurm takes a node out of service where processes outlive their job, as they do on a busy machine.
OUTLIVED = ("Duplicate jobid", "Kill task failed")
# What Snakemake says once it can only end with an error, though it may still wait for the jobs that run.
HOPELESS = re.compile(r"^(Error in rule (?!train_).*|.*Will exit after finishing.*|Exiting because .*)$", re.MULTILINE)


def slurm(*command: str, check: bool = True) -> str:
    """Output of one of Slurm's commands, asked again where the controller is too busy to answer."""
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 or not check:
            return done.stdout
        time.sleep(1)
    raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}\n{tail(CONTROLLER_LOG)}")


def tail(file: Path, characters: int = 3000) -> str:
    """The end of a text file; empty where there is none."""
    return file.read_text(errors="replace")[-characters:] if file.is_file() else ""


def jobs(states: str = "all") -> dict[str, str]:
    """Number and comment (rule and wildcards) of the jobs in some states, `R,CG`; of ended ones too where it is all."""
    lines = slurm("squeue", "-h", "-t", states, "-o", "%i %k").splitlines()
    return {number: comment for number, _, comment in (line.partition(" ") for line in lines)}


def processes() -> dict[int, str]:
    """Processes of jobs, each with the number of its job: what a batch script started, and Slurm's own step daemons."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            if step := re.match(r"slurmstepd: \[(\d+)\.", command):
                found[int(folder.name)] = step[1]
            elif command and (job := re.search(rb"(?:^|\0)SLURM_JOB_ID=(\d+)", (folder / "environ").read_bytes())):
                found[int(folder.name)] = job[1].decode()
    return found


def leftovers() -> list[int]:
    """Processes of jobs that are over, or back in the queue, for Slurm."""
    held = set(slurm("squeue", "-h", "-t", "R,CG,S", "-o", "%i").split())
    return [process for process, job in processes().items() if job not in held]


def end_leftovers() -> bool:
    """End what is left of jobs that Slurm no longer runs; whether nothing is."""
    left = leftovers()
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return not left


def node_state() -> tuple[str, str]:
    """State of the node, and the reason if it is out of service."""
    state, _, reason = slurm("sinfo", "-h", "-N", "-n", NODE, "-o", "%T|%E").splitlines()[0].partition("|")
    return state.rstrip("*~#!%$@^-"), reason.strip()


def lose_node() -> None:
    """Take the node out of service: its jobs go back into the queue. What runs on it is left to `end_leftovers`.

    A node that is down returns to service by itself as soon as its daemon answers, which here it does at once; a
    drained one waits for `bring_node_back`.
    """
    for state in ("DOWN", "DRAIN"):
        slurm("scontrol", "update", f"NodeName={NODE}", f"State={state}", "Reason=lost")


def bring_node_back() -> None:
    """Return the node to service."""
    slurm("scontrol", "update", f"NodeName={NODE}", "State=RESUME")


def mend_node() -> None:
    """Return a node to service that Slurm took out because processes outlived their job, once they are gone.

    Slurm holds the job that it could not launch for them; it is released.

    Raises:
        AssertionError: the node is out of service for another reason.
    """
    state, reason = node_state()
    if state.startswith(("down", "drain", "fail")):
        assert reason.startswith(OUTLIVED), f"the node is {state}: {reason}\n{slurm('squeue')}"
        if not end_leftovers():
            return
        bring_node_back()
    for line in slurm("squeue", "-h", "-t", "PD", "-o", "%i %r").splitlines():
        job, _, why = line.partition(" ")
        if why == "launch failed requeued held" and end_leftovers():
            slurm("scontrol", "release", job)


def restart_controller(after_s: float) -> None:
    """Kill Slurm's controller, and start it again some seconds later, as a cluster's own watchdog would."""
    os.kill(int(CONTROLLER_PID.read_text()), signal.SIGKILL)
    time.sleep(after_s)
    subprocess.run(["slurmctld"], env=WITH_SLURM | {"SLURM_CONF": CONFIGURATION}, check=True, capture_output=True)
    while "is UP" not in slurm("scontrol", "ping", check=False):
        time.sleep(0.5)


class Watch:
    """Waiting for something to come about in the hands of Slurm.

    Args:
        output: what Snakemake writes.
        look: called about each second; a change of what it returns is a sign of progress.
        may_fail: whether Snakemake is expected to end with an error.
    """

    def __init__(self, output: Path, look: Callable[[], object] = lambda: None, *, may_fail: bool = False):
        self.output, self.look, self.may_fail = output, look, may_fail
        self.node_is_lost = False

    def wait(self, what: str, ready: Callable[[], object], snakemake: subprocess.Popen | None = None) -> object:
        """Wait until `ready` returns something true; returns that.

        Raises:
            AssertionError: it will not come: Snakemake ended or can only fail, the node is out of service, Slurm does
                not answer, or nothing changed for `QUIET_S`.
        """
        start = changed = looked = time.monotonic()
        seen = self._seen()
        while not (found := ready()):
            time.sleep(0.1)
            now = time.monotonic()
            if now - looked < 1:
                continue
            looked = now
            if not self.node_is_lost:
                mend_node()
            if (after := self._seen()) != seen:
                seen, changed = after, now
            if trouble := self._trouble(snakemake, now - start, now - changed):
                found = ready()  # it may have come just before the trouble
                assert found, f"{trouble}, waiting for {what}\n{slurm('squeue')}\n{tail(self.output)}"
                break
        return found

    def _trouble(self, snakemake: subprocess.Popen | None, waited: float, quiet: float) -> str:
        hopeless = None if self.may_fail else HOPELESS.search(tail(self.output, 10**9))
        if hopeless:
            return hopeless[0]
        if snakemake is not None and snakemake.poll() is not None:
            return f"Snakemake ended with status {snakemake.returncode}"
        if quiet >= QUIET_S:
            return f"nothing changed for {QUIET_S} s"
        return f"{PATIENCE_S} s passed" if waited >= PATIENCE_S else ""

    def _seen(self) -> tuple:
        size = self.output.stat().st_size if self.output.is_file() else 0
        return size, slurm("squeue", "-h", "-o", "%i %T %r"), tuple(processes()), self.look()

"""Very many short trainings on the Slurm of the tests, whose controller is killed meanwhile, and Snakemake too.

    python -m tests.many_jobs [--cells 1000] [--pack 25]

Prints how long it took and in how many jobs. Fails unless in the end every run is there, and none was trained twice.
"""

import argparse
import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).parents[1] / "workflow" / "scripts"))

from tests.slurm_cluster import CLUSTER, jobs, restart_controller, tail
from tests.workspace import Workspace

STUDY, STUDY_FILE = "many", "my/many.yaml"
# A training of no length: a line in the list of all that began, and an epoch.
PROGRAM = """\
#!/bin/sh
echo "$2" >> started.txt
printf 'epoch,iou,loss\\n1,0.%s,1\\n' "$1" > "$2/metrics.csv"
"""
COLUMNS = {"val/iou": "iou", "train/loss": "loss"}
# Looks at Slurm's queue often, and submits as fast as it can: jobs here last seconds.
QUICK = ("--slurm-init-seconds-before-status-checks", "5", "--max-jobs-per-timespan", "50/1s", "--latency-wait", "20")
QUIET_S = 300  # nothing more is trained for so long: what is waited for does not come


class ManyJobs:
    """A study of very many short trainings, in a workspace.

    Args:
        folder: an empty one.
        cells: trainings.
        pack: of them in a job.
    """

    def __init__(self, folder: Path, cells: int, pack: int):
        self.workspace, self.cells, self.pack = Workspace(folder), cells, pack
        self.output = folder / "snakemake.out"
        self.segments = folder / "results" / "segments"
        self._write()

    def _write(self) -> None:
        folder = self.workspace.folder
        (folder / "my").mkdir()
        (folder / "my" / "train.sh").write_text(PROGRAM, encoding="utf-8")
        study = {
            "name": STUDY, "metric": "val/iou", "command": "sh my/train.sh {lr} {out}", "folder": "..",
            "parameters": {"lr": 1}, "results": {"file": "metrics.csv", "columns": COLUMNS},
            "epochs": 1, "seeds": [0], "grid": {"lr": list(range(1000, 1000 + self.cells))},
        }  # fmt: skip
        self.workspace.write(STUDY_FILE, study)
        path = folder / "config" / "cluster.yaml"
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        values["cluster"] |= {
            "partition": "gpu", "account": "test", "gpu": "none", "cpus": 1, "memory_mb": 1800, "time_min": 60,
        }  # fmt: skip
        self.workspace.write("config/cluster.yaml", values)

    @contextmanager
    def snakemake(self):
        """A Snakemake up to the table of runs, ended with its group if the test ends before it."""
        command = self.workspace.command(
            "--profile", "profiles/slurm", *QUICK, f"results/{STUDY}/runs.csv",
            study=STUDY_FILE, config=(f"pack={self.pack}",),
        )  # fmt: skip
        with self.output.open("a") as output:
            process = subprocess.Popen(
                command, cwd=self.workspace.folder, env=self.workspace.environment(), stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            kill(process)

    def trained(self) -> int:
        """Trainings in the store."""
        return (
            sum(1 for _ in self.segments.glob("*/segment.json") if ".part" not in str(_))
            if self.segments.is_dir()
            else 0
        )

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for something.

        Raises:
            AssertionError: nothing more was trained for `QUIET_S`.
        """
        seen, changed = -1, time.monotonic()
        while not ready():
            time.sleep(0.5)
            now = self.trained()
            if now != seen:
                seen, changed = now, time.monotonic()
            quiet = time.monotonic() - changed
            assert quiet < QUIET_S, (
                f"{seen} trained, no more for {quiet:.0f} s, waiting for {what}\n{tail(self.output)}"
            )

    def disturbed(self, *, kill_controller: bool, say: Callable[[str], None] = print) -> None:
        """Train all, Slurm's controller killed after a quarter (if that is allowed), and Snakemake after a half."""
        began = time.monotonic()

        def tell(text: str) -> None:
            say(f"{time.monotonic() - began:6.0f} s  {self.trained():5d} trained  {text}")

        with self.snakemake() as first:
            self.wait("a quarter", lambda: self.trained() >= self.cells / 4 or first.poll() is not None)
            if kill_controller:
                tell("slurmctld killed")
                restart_controller(after_s=10)
                tell("slurmctld is back")
            self.wait("a half", lambda: self.trained() >= self.cells / 2 or first.poll() is not None)
            assert first.poll() is None, tail(self.output)
            kill(first)
            tell("Snakemake killed")
        self.workspace.snakemake("--unlock", study="my/many.yaml")
        with self.snakemake() as second:
            tell("Snakemake started again")
            self.wait("the end", lambda: second.poll() is not None)
            assert second.returncode == 0, tail(self.output)
        tell(f"all is there, in {self.submitted()} jobs of up to {self.pack} trainings")

    def submitted(self) -> int:
        """Jobs that were submitted."""
        return len(re.findall(r"has been submitted with SLURM jobid", self.output.read_text(encoding="utf-8")))

    def check(self) -> None:
        """All runs are there and finished, and each began once.

        Raises:
            AssertionError: otherwise.
        """
        with (self.workspace.folder / "results" / STUDY / "runs.csv").open(newline="", encoding="utf-8") as file:
            runs = list(csv.DictReader(file))
        assert Counter(run["status"] for run in runs) == {"finished": self.cells}
        assert {float(run["val/iou"]) for run in runs} == {float(f"0.{lr}") for lr in range(1000, 1000 + self.cells)}
        starts = Counter((self.workspace.folder / "started.txt").read_text(encoding="utf-8").split())
        assert len(starts) == self.cells
        assert set(starts.values()) == {1}, [one for one, count in starts.items() if count > 1]


def kill(process: subprocess.Popen) -> None:
    """End a process and its group at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(argv: list[str] | None = None) -> int:
    """Bring up a Slurm of its own, do it, print, take it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000, help="trainings")
    parser.add_argument("--pack", type=int, default=25, help="trainings in a job")
    options = parser.parse_args(argv)
    if not CLUSTER.is_file() or os.geteuid() != 0:
        print(f"This needs root, and {CLUSTER}, which starts a Slurm for tests.", file=sys.stderr)
        return 2
    if subprocess.run([CLUSTER, "status"], capture_output=True, check=False).returncode == 0:
        print(f"A Slurm runs here, whose controller others may need. End it: {CLUSTER} down", file=sys.stderr)
        return 2
    subprocess.run([CLUSTER, "up"], check=True)
    try:
        with tempfile.TemporaryDirectory(prefix="many-jobs-", ignore_cleanup_errors=True) as folder:
            study = ManyJobs(Path(folder), options.cells, options.pack)
            study.disturbed(kill_controller=True)
            study.check()
            print(f"{options.cells} trainings, each of them once; jobs left in the queue: {len(jobs('PD,R'))}")
    finally:
        subprocess.run([CLUSTER, "down"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

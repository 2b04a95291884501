"""A Slurm job that was told to stop puts itself back into the queue, to resume later."""

import subprocess
from collections.abc import Callable, Mapping


def requeue_job(environ: Mapping[str, str], *, run=subprocess.run, say: Callable[[str], None] = print) -> bool:
    """Put the job that this process runs in back into the queue, if it is about to be stopped and not cancelled.

    A job whose time limit is near, or that has a grace time before it makes room for another one, is still running;
    one that was cancelled, or that Slurm requeues by itself, is not.

    Args:
        environ: where Slurm's number of the job is found.
        run: runs a command, as `subprocess.run` does.

    Returns:
        Whether the job will start again.
    """
    job = environ.get("SLURM_JOB_ID")
    if not job:
        return False
    try:
        state = run(["squeue", "-h", "-j", job, "-o", "%T"], capture_output=True, text=True, timeout=60)
        if state.returncode != 0 or state.stdout.split() != ["RUNNING"]:
            return False
        answer = run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    if answer.returncode == 0:
        say(f"Slurm job {job} is back in the queue; it resumes after the last finished epoch.")
    return answer.returncode == 0

"""Within an epoch nothing waits for a GPU but a look at the loss and the copies of what was counted."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_within_an_epoch_waits_for_the_device():
    """In a process of its own: torch counts its devices at the first backward pass, and no later one is a device."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/host_syncs.py"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout

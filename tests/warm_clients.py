"""A warm server with small programs and a small library in place of torch, and clients of it."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segsweep.execution import warm_client

# What takes seconds to import leaves a line beside itself: the number of threads it read.
LIBRARIES = """
import os
from pathlib import Path

def load():
    import fractions
    with Path(__file__).with_suffix(".loads").open("a") as file:
        file.write(os.environ["OMP_NUM_THREADS"] + "\\n")
"""
CODE = """
def load():
    import segsweep.losses
"""
CLIENT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from segsweep.execution.warm_client import Imports, run_warm
imports = Imports("warm_libraries:load", "warm_code:load")
status = run_warm("program", sys.argv[2:], scripts=Path(sys.argv[1]), imports=imports)
assert "torch" not in sys.modules
sys.exit(99 if status is None else status)
"""


@contextmanager
def folder_of_scripts(program: str) -> Iterator[Path]:
    """A folder with `program.py` and what a warm server of its own imports."""
    # A socket's path has at most 107 characters, which pytest's folder or a job's TMPDIR may fill.
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="w", dir=short) as folder:
        Path(folder, "program.py").write_text(program)
        Path(folder, "warm_libraries.py").write_text(LIBRARIES)
        Path(folder, "warm_code.py").write_text(CODE)
        yield Path(folder)
        for pid in servers(Path(folder)).values():
            os.kill(pid, signal.SIGKILL)  # the test leaves no process behind


def servers(scripts_folder: Path) -> dict[str, int]:
    """Process ids of those that listen, by the names of their sockets."""
    found = {}
    for path in scripts_folder.glob("segsweep-*/*"):
        with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
            connection.connect(str(path))
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            found[path.name] = struct.unpack("3i", peer)[0]
    return found


def environment(scripts_folder: Path) -> dict[str, str]:
    """Variables with which programs that lie elsewhere find this package and the small library."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(warm_client.SCRIPTS), str(scripts_folder)])}


def client(
    scripts_folder: Path, *words: str, scripts: Path | None = None, environ: dict | None = None, **more
) -> subprocess.Popen:
    """A client of the server in `scripts_folder`, whose program lies there or in `scripts`, a clone."""
    environ = environment(scripts_folder) | {"TMPDIR": str(scripts_folder), "COLOUR": "green"} | (environ or {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(scripts or scripts_folder), *words], env=environ, text=True, **pipes, **more
    )


def until(condition: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("did not happen")

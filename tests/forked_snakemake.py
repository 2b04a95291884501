"""Starts of Snakemake that need not import it each time: two of the three seconds of a dry run are imports."""

import atexit
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

# Has libraries imported, none of this project, and forks a process per line that it reads: that one is what
# `python -m snakemake` would be.
SERVER = """
import json, os, runpy, sys

import numpy, pandas, pydantic, snakemake.cli, snakemake.scheduling.job_scheduler, yaml

for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.path[0] = request["folder"]
        sys.argv = ["snakemake", *request["arguments"]]
        runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run_snakemake(arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and whole output of `python -m snakemake` with these arguments in a folder."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", prefix="snakemake.") as output:
        request = {"output": output.name, "arguments": arguments, "folder": str(folder), "environment": environment}
        server = _server()
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return status, output.read()


@cache
def _server() -> subprocess.Popen:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, "-c", SERVER], text=True, **pipes)
    atexit.register(server.communicate)  # the end of its input ends it
    return server

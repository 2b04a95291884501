"""`make bench` in tiny sizes: what it measures can be measured. Its longer parts are run by hand."""

import re
import subprocess
import sys

from tests.workspace import ROOT

PARTS = ("inprocess", "many_cells", "pipelined", "null_studies", "racing", "analysis_cost")


def test_each_part_gives_a_table():
    command = [sys.executable, "tests/benchmarks", "--quick", *PARTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.findall(r"^(\w+) \(\d+ s\)$", done.stdout, re.MULTILINE) == list(PARTS)
    assert done.stdout.count("| what | ratio |") == len(PARTS)

"""An engine that only has commands for its jobs, here three small scripts: a study goes through it."""

import re

import yaml

from tests.workspace import ROOT, Workspace

# Each job is a process in the background, of which the first is killed by the "engine". Its number is a folder.
SUBMIT = """\
#!/bin/sh
mkdir -p jobs && job=$(mktemp -d jobs/XXXXXX) && echo "$1 $2 $3" > $job/asked
limit=600; mkdir jobs/first 2> /dev/null && limit=1
setsid sh -c "timeout -s KILL $limit sh '$4'; echo \\$? > $job/status" > $job/output 2>&1 < /dev/null &
echo $! > $job/pid
echo $job
"""
STATUS = """\
#!/bin/sh
test -f $1/status || { echo running; exit; }
test "$(cat $1/status)" = 0 && echo success || echo failed
"""
CANCEL = """\
#!/bin/sh
for job; do kill -- -$(cat $job/pid); done
"""


def test_a_study_goes_through_a_submit_command(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_tiny_dataset()
    workspace.write_study(grid={"optimizer.lr": [1e-3]})
    for name, text in (("submit", SUBMIT), ("status", STATUS), ("cancel", CANCEL)):
        (tmp_path / f"{name}.sh").write_text(text)
        (tmp_path / f"{name}.sh").chmod(0o755)
    values = yaml.safe_load((ROOT / "config" / "cluster.yaml").read_text(encoding="utf-8"))
    values["cluster"] |= {"partition": "default", "gpu": "none", "warning_s": 0, "cpus": 1, "memory_mb": 2500}
    workspace.write("config/cluster.yaml", values)
    output = workspace.snakemake(
        "--profile", "profiles/examples/submit_command", "--seconds-between-status-checks", "1", "--latency-wait", "10",
        "results/little/runs.csv",
    )  # fmt: skip
    table = (tmp_path / "results" / "little" / "runs.csv").read_text()
    assert table.count(",finished,") == 1, table
    jobs = [path for path in (tmp_path / "jobs").iterdir() if path.name != "first"]
    # The one that was killed, and its second try, which asked for more.
    assert sorted((job / "asked").read_text().split() for job in jobs) == [
        ["1", "2500", "240"], ["1", "3750", "480"],
    ]  # fmt: skip
    assert len(re.findall(r"Trying to restart job", output)) == 1
    assert workspace.would_train() == []

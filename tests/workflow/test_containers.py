"""`--sdm apptainer`: each job runs in the image that `container` names; a script stands in for Apptainer."""

import os

from tests.workspace import Workspace

# It says its version, as Snakemake asks; otherwise it writes down what it was called with, and runs the command here.
APPTAINER = """\
#!/bin/sh
[ "$1" = --version ] && { echo "apptainer version 1.3.4"; exit; }
{ echo "$@" | tr '\\n' ' '; echo; } >> "$CALLS"
while [ "$1" != sh ] && [ "$1" != bash ]; do shift; done
IN_IMAGE=yes exec "$@"
"""
PROGRAM = """
import os, sys
with open(sys.argv[1] + "/metrics.csv", "w") as file:
    file.write(f"epoch,score\\n1,{0.5 if os.environ.get('IN_IMAGE') else 0.1}\\n")
"""
STUDY = {
    "name": "own", "metric": "val/score", "command": "python my/train.py {out} {lr}", "parameters": {"lr": 0.1},
    "results": {"file": "metrics.csv", "columns": {"val/score": "score"}}, "epochs": 1, "grid": {"lr": [0.1, 0.2]},
}  # fmt: skip


def test_each_job_runs_in_the_image(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "project")
    workspace.write("config/studies/own.yaml", STUDY)
    (workspace.folder / "my").mkdir()
    (workspace.folder / "my" / "train.py").write_text(PROGRAM, encoding="utf-8")
    calls, apptainer = tmp_path / "calls", tmp_path / "programs" / "apptainer"
    apptainer.parent.mkdir()
    apptainer.write_text(APPTAINER, encoding="utf-8")
    apptainer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apptainer.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))

    def snakemake(*options: str, **more) -> str:
        tables = f"results/own/{'metrics.json' if options else 'runs.csv'}"
        return workspace.snakemake(*options, study="own", config=more.pop("config", ()) + ("--", tables), **more)

    inside = ("--sdm", "apptainer", "--apptainer-args=--nv")
    said = snakemake(*inside, check=False)
    assert "container: envs/segsweep.sif: there is no such file. Build it: `apptainer build envs/segsweep.sif" in said
    said = snakemake(*inside, check=False, config=("container=",))
    assert "--sdm apptainer needs an image, and `container` names none" in said
    assert not calls.exists()

    (workspace.folder / "envs" / "segsweep.sif").touch()
    said = snakemake(*inside)
    called = calls.read_text(encoding="utf-8").splitlines()
    programs = ("train_segment.py", "train_segment.py", "collect_results", "analyze_study", "write_metrics")
    assert sorted(program for program in set(programs) for one in called if program in one) == sorted(programs)
    assert len(called) == len(programs)
    assert all(one.startswith(f"exec --home {workspace.folder} --nv ") for one in called)
    assert all(" envs/segsweep.sif " in one.partition(" -c ")[0] for one in called)
    runs = (workspace.folder / "results" / "own" / "runs.csv").read_text(encoding="utf-8")
    assert runs.count(",0.5,") >= 2

    # What rules took is in tables of Snakemake's own; without one of these nothing is made again, nor outside.
    (table,) = workspace.folder.glob("results/benchmarks/analyze_study/*.tsv")
    assert table.read_text(encoding="utf-8").startswith("s\th:m:s\tmax_rss\t")
    assert not list(workspace.folder.glob("results/benchmarks/train_segment"))
    table.unlink()
    assert "Nothing to be done" in snakemake("--dry-run")

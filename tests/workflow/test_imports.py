"""A study of results made elsewhere, in a folder of logs: a new log is read; that there is none is said at once."""

import csv

from tests.workspace import Workspace

RUNS = "results/little/runs.csv"
TABLE = {
    "file": "logs/lr{lr}_seed{seed}.csv",
    "axes": {"optimizer.lr": "lr"},
    "metrics": {"val/miou": "val_miou"},
    "seed": "seed",
    "history": "epoch",
}


def test_a_new_log_is_read_and_no_log_is_said(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_study(train=None, grid=None, dataset=None, table=TABLE)
    refused = workspace.snakemake("--dry-run", check=False)
    assert "lr{lr}_seed{seed}.csv: no such file" in refused
    assert "Traceback" not in refused
    logs = workspace.folder / "config/studies/logs"
    logs.mkdir()
    for lr, score in (("0.1", 0.5), ("0.2", 0.6)):
        (logs / f"lr{lr}_seed0.csv").write_text(f"epoch,val_miou\n0,{score}\n1,{score + 0.1}\n")
    workspace.snakemake(RUNS)
    with (workspace.folder / RUNS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["optimizer.lr"], row["val/miou"], row["epochs"]) for row in rows] == [
        ("lr0.1_seed0", "0.1", "0.6", "2"), ("lr0.2_seed0", "0.2", "0.7", "2"),
    ]  # fmt: skip
    assert "Nothing to be done" in workspace.snakemake("--dry-run", RUNS)
    (logs / "lr0.2_seed1.csv").write_text("epoch,val_miou\n0,0.3\n1,0.4\n")
    assert "read config/studies/logs/lr0.1_seed0.csv" in workspace.snakemake("--dry-run", RUNS)

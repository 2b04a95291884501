"""Print how far a study is, and with --ranking the top of its ranking and where the report lies."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from segsweep.config.load import load, requested
from segsweep.exits import program
from segsweep.formatting import duration, plural
from segsweep.io import read_csv
from segsweep.planning.budget_words import about_budget
from segsweep.planning.plan_file import PLAN_FILE, StudyPlan, read_plan
from segsweep.planning.planner import planned
from segsweep.planning.status import Status, status_of
from segsweep.planning.worker_view import RESULTS

SHOWN = 5


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", help="name or path; config/config.yaml's if not given")
    parser.add_argument("--ranking", action="store_true", help="the top of the ranking and where the report lies")
    parser.add_argument("options", nargs="*", help="as behind --config: dataset=camvid smoke=true")
    arguments = parser.parse_args(argv)
    terminal = console()
    # `make` gives both programs the same words, those for Snakemake itself among them.
    request = requested(arguments.study, [word for word in arguments.options if "=" in word])
    loaded = load(request)
    folder = RESULTS / loaded.name
    if loaded.study.table is None:
        study = planned(request, loaded)
        status, plan = status_of(study.plan, study.store, RESULTS / "logs" / "train_segment"), study.plan
        show(status, plan, terminal)
        for sentence in about_budget(study):
            terminal.print(sentence.strip())
    else:
        plan = read_plan(folder / PLAN_FILE)
    if arguments.ranking:
        show_ranking(folder, plan, terminal)
    else:
        show_report(folder, terminal)
    return 0


def console() -> Console:
    """What writes to the terminal: all texts as they are, as names of levels may hold brackets."""
    return Console(soft_wrap=True, markup=False)


def show(status: Status, plan: StudyPlan, console: Console) -> None:
    """The status as a few lines and a bar."""
    console.print(plan.name, style="bold", end="")
    console.print(f": {status.cells_done} of {plural(status.cells, 'cell')} done", end=", ")
    console.print(
        f"{status.runs_done} of {plural(status.runs, 'run')}, {status.epochs_done:,} of {status.epochs:,} epochs"
    )
    console.print(ProgressBar(total=max(1, status.epochs), completed=status.epochs_done, width=60))
    console.print()
    if others := {name: count for name, count in status.ended.items() if name != "finished"}:
        console.print("ended otherwise: " + ", ".join(f"{count} {name}" for name, count in others.items()))
    if status.repeated:
        have = "has" if status.repeated == 1 else "have"
        console.print(
            f"{plural(status.repeated, 'run')} {have} the very curve of another seed or fold of the same setting: what "
            "trains seems not to use its seed"
        )
    for name, labels in (("running", status.running), ("interrupted, to be resumed", status.interrupted)):
        if labels:
            console.print(f"{name}: {len(labels)}")
            for label in labels[:SHOWN]:
                console.print(f"  {label}")
    if status.failed:
        console.print(f"failed: {len(status.failed)}")
        for one in status.failed[:SHOWN]:
            console.print(f"  {one.label}: {one.reason}\n    less {one.log}", markup=False)
    if status.runs_done < status.runs and status.best:
        value, label = status.best[0]
        console.print(f"best so far: {plan.metric} {value:.4f}, {label}")
    if status.runs_done < status.runs and status.seconds_to_go is not None:
        at_once = f"{len(status.running) or 'one'} at a time"
        to_go = duration(status.seconds_to_go)
        console.print(f"time to go: about {to_go}, training {at_once}; starting jobs comes on top")


def show_ranking(folder: Path, plan: StudyPlan, console: Console) -> None:
    """The first rows of ranking.csv; where there is none yet, what makes it."""
    if not (folder / "ranking.csv").is_file():
        console.print("no ranking yet: a finished study has one, and with `partial=true` one of what is trained")
        return
    rows = read_csv(folder / "ranking.csv")
    table = Table(title=f"{plan.study['title'] or plan.name}: top of {plural(len(rows), 'cell')}", title_justify="left")
    for name in ("rank", "setting", plan.metric, "runs"):
        table.add_column(name, justify="left" if name == "setting" else "right")
    labels = {cell.cell: cell.label for cell in plan.cells}
    for row in rows[:SHOWN]:
        mean = f"{float(row['mean']):.4f}" if row["mean"] else "-"
        table.add_row(row["rank"], labels.get(row["cell"], row["cell"]), mean, row["n"])
    console.print(table)
    show_report(folder, console)


def show_report(folder: Path, console: Console) -> None:
    """Where the report lies, if there is one, and when it was written: more may be trained since."""
    report = folder / "report.md"
    if report.is_file():
        written = time.strftime("%d %B, %H:%M", time.localtime(report.stat().st_mtime))
        console.print(f"report: {report} and {folder / 'report.html'}, of {written}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())

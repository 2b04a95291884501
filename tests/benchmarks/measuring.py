"""Two things measured in turns, so that what else the machine does falls on both; and the rows of the table."""

import csv
import operator
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
RESULTS = ROOT / "results" / "benchmarks"
JUDGED = {">=": operator.ge, "<=": operator.le}


@dataclass
class Row:
    """One line of the table: how two measured things compare.

    Attributes:
        part: which benchmark.
        what: what is compared, "a / b" for the ratio of a to b.
        unit: of the four numbers.
        first_min, first_median, second_min, second_median: of the rounds.
        ratio: of the two minima; ratio_median: median of the rounds' own ratios.
        wanted: ">= 1.3", or nothing where a number is only reported.
        met: "yes" or "no", judged by `ratio`.
        note: why it falls short, or what it depends on.
    """

    part: str
    what: str
    unit: str
    first_min: float
    first_median: float
    second_min: float
    second_median: float
    ratio: float
    ratio_median: float
    rounds: int
    wanted: str = ""
    met: str = ""
    note: str = ""


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def interleaved(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each of several functions returns, each called once a round; the order is turned around every round."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works) if number % 2 == 0 else reversed(works):
            found[name].append(works[name]())
    return found


def compared(part: str, found: dict[str, list[float]], pair: tuple[str, str], *, unit="s", wanted="", note="") -> Row:
    """The row of the ratio of the first to the second of a pair."""
    first, second = (found[name] for name in pair)
    ratio = min(first) / min(second)
    row = Row(
        part, " / ".join(pair), unit, min(first), median(first), min(second), median(second), ratio,
        median(a / b for a, b in zip(first, second, strict=True)), len(first), wanted, "", note,
    )  # fmt: skip
    return judged(row)


def judged(row: Row) -> Row:
    """The row with its verdict."""
    if row.wanted:
        sign, _, bound = row.wanted.partition(" ")
        row.met = "yes" if JUDGED[sign](row.ratio, float(bound)) else "no"
    return row


def single(part: str, what: str, values: list[float], *, unit="s", wanted="", note="") -> Row:
    """A row of one number without a rival; its `ratio` is the smallest value."""
    return judged(
        Row(part, what, unit, min(values), median(values), float("nan"), float("nan"), min(values), median(values),
            len(values), wanted, "", note)
    )  # fmt: skip


def write(rows: list[Row], path: Path) -> None:
    """The rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = asdict(row).items()
            writer.writerow({name: f"{value:.5g}" if isinstance(value, float) else value for name, value in values})


def read(path: Path) -> list[Row]:
    """Rows that `write` wrote."""
    kinds = {field.name: field.type for field in fields(Row)}
    with path.open(encoding="utf-8") as file:
        return [Row(**{name: kinds[name](value) for name, value in line.items()}) for line in csv.DictReader(file)]


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| what | ratio | wanted | met | first: min (median) | second: min (median) | rounds | note |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        alone = row.second_min != row.second_min
        second = "" if alone else f"{row.second_min:.3g} ({row.second_median:.3g}) {row.unit}"
        ratio = "" if alone else f"{row.ratio:.2f} ({row.ratio_median:.2f})"
        wanted = f"{row.wanted} {row.unit}" if alone and row.wanted else row.wanted
        measured = row.first_min == row.first_min
        first = f"{row.first_min:.3g} ({row.first_median:.3g}) {row.unit}" if measured else ""
        lines.append(
            f"| {row.what} | {ratio} | {wanted} | {row.met} | {first} | {second} | {row.rounds} | {row.note} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """Processor, cores in use and versions, in a line."""
    import torch

    model = platform.processor() or "unknown processor"
    try:
        found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = found[0].partition(":")[2].strip() or model
    except (OSError, IndexError):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model}, {cores} cores{gpu}, Python {platform.python_version()}, torch {torch.__version__}"


def environment_of_commands() -> dict[str, str]:
    """This process's environment, with its Python first and one thread where none says how many.

    Byte code is kept, as people's Python does, whatever this process is told: a rival's lies there, installed.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PATH": path, "NO_ALBUMENTATIONS_UPDATE": "1", "OMP_NUM_THREADS": threads}


def run(command: list[str], folder: Path, **environment: str) -> None:
    """Run a command to its end; shows what it said if it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment_of_commands() | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

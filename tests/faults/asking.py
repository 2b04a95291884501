"""Malformed inputs and what planning answers."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segsweep.planning.packs import read_packs
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import Planner, open_study
from tests.faults.answers import REFUSED, Answer, answer_of
from tests.faults.malformed import DATASET, STUDY, Case, dataset, study

SHOWN_OF_TRAIN = ("epochs", "batch_size", "optimizer.lr")
PLACE = re.compile(r"\.yaml|\.json|\.txt|--config|data/|tiny|study")


@dataclass(frozen=True)
class Asked:
    """A case with its answer.

    Attributes:
        wrong: what is wrong with the answer, in words; empty where it is as expected.
    """

    case: Case
    answer: Answer
    wrong: str


def ask(cases: Iterable[Case]) -> Iterator[Asked]:
    """Put cases to the planner, in the working folder: a workspace of its own."""
    for case in cases:
        files = {STUDY: study(), DATASET: dataset()} | case.files
        for path, content in files.items():
            _write(Path(path), content)
        answer = answer_of(lambda case=case: _planned(case))
        for path in files:
            _remove(Path(path))
        yield Asked(case, answer, _wrong(case, answer))


def _planned(case: Case) -> str:
    """Plan as a start of Snakemake does, and write what it writes; what was planned, in words."""
    planned = open_study({"study": "little"} | case.config, plans=True)
    if not isinstance(planned, Planner):
        return ""
    PlanWriter(planned).start()
    read_packs(planned.packs_file)
    train = planned.design.settings[0].dump
    shown = [f"title={planned.study.title!r}"]
    for key in SHOWN_OF_TRAIN:
        value = train
        for name in key.split("."):
            value = value[name]
        shown.append(f"{key}={value!r}")
    return "\n".join(shown)


def _wrong(case: Case, answer: Answer) -> str:
    if answer.kind != case.expected:
        return f"{answer.kind} in place of {case.expected}"
    if lacking := [word for word in case.says if word not in answer.words]:
        return f"the answer does not say {', '.join(map(repr, lacking))}"
    if answer.kind == REFUSED and not all(PLACE.search(line) for line in answer.words.splitlines()[:1]):
        return "the answer names no place"
    return ""


def _write(path: Path, content: str | bytes | None) -> None:
    if content is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    top = Path("results")
    if top.exists():
        shutil.rmtree(top)

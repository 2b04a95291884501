"""Malformed inputs and what planning, or the preparation of data, answers."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segsweep.config.dataset import parse_dataset
from segsweep.data.preparation import prepare
from segsweep.planning.image_kind import image_kind
from segsweep.planning.packs import read_packs
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import Planner, open_study
from segsweep.planning.results_files import lacks_figures, lacks_images, was_pulled
from tests.faults.answers import REFUSED, Answer, answer_of
from tests.faults.cases import DATASET, STUDY, Case, dataset, study
from tests.faults.malformed_data import DataCase
from tests.faults.strays import Stray

SHOWN_OF_TRAIN = ("epochs", "batch_size", "optimizer.lr")
PLACE = re.compile(r"\.(yaml|json|txt|csv|xlsx|parquet)|--config|data/|tiny|study")


@dataclass(frozen=True)
class Asked:
    """A case with its answer.

    Attributes:
        wrong: what is wrong with the answer, in words; empty where it is as expected.
    """

    case: Case | DataCase
    answer: Answer
    wrong: str


def ask(cases: Iterable[Case | DataCase]) -> Iterator[Asked]:
    """Put cases to the planner, or to the preparation of data, in the working folder: a workspace of its own."""
    for case in cases:
        of_data = isinstance(case, DataCase)
        files = case.files if of_data else {STUDY: study(), DATASET: dataset()} | case.files
        for path, content in files.items():
            _write(Path(path), content)
        answer = answer_of(lambda case=case, of_data=of_data: _prepared(case) if of_data else _planned(case))
        for path in files:
            _remove(Path(path))
        _remove(Path("results"))
        yield Asked(case, answer, _wrong(case, answer))


def _prepared(case: DataCase) -> str:
    """Look at a data set as a plan does, and prepare it; what was odd about it, in words."""
    data = parse_dataset(case.dataset)
    root = Path("data", data.root)
    image_kind(data, root)
    return "\n".join(prepare(data, root, None, Path("results/data/small"), "fingerprint")["warnings"])


def _planned(case: Case) -> str:
    """Plan as a start of Snakemake does, and write what it writes; what was planned, in words."""
    planned = open_study({"study": "little"} | case.config, plans=True)
    if not isinstance(planned, Planner):
        return ""
    PlanWriter(planned).start()
    read_packs(planned.packs_file)
    lacks_images(planned.folder), lacks_figures(planned.folder), was_pulled(planned.folder / "runs.csv")
    if planned.study.table is not None:
        return f"title={planned.study.title!r}"
    train = planned.design.settings[0].dump
    shown = [f"title={planned.study.title!r}"]
    for key in SHOWN_OF_TRAIN:
        value = train
        for name in key.split("."):
            value = value[name]
        shown.append(f"{key}={value!r}")
    return "\n".join(shown)


def _wrong(case: Case | DataCase, answer: Answer) -> str:
    if answer.kind != case.expected:
        return f"{answer.kind} in place of {case.expected}"
    if lacking := [word for word in case.says if word not in answer.words]:
        return f"the answer does not say {', '.join(map(repr, lacking))}"
    if answer.kind == REFUSED and not all(PLACE.search(line) for line in answer.words.splitlines()[:1]):
        return "the answer names no place"
    return ""


def _write(path: Path, content: str | bytes | Stray | None) -> None:
    if content is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Stray):
        content.lay(path)
        return
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""Which runs and which images are shown."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from segsweep.config.study import ReportImages
from segsweep.errors import InputError
from segsweep.io import read_json, regular
from segsweep.planning.plan_file import PlannedRun, StudyPlan, open_plan
from segsweep.store.segment_store import SegmentStore


@dataclass
class Candidates:
    """The runs and images of a study that can be shown: its plan, ranking and scores of single images."""

    plan: StudyPlan
    ranking: pd.DataFrame
    images: pd.DataFrame
    store: SegmentStore

    @classmethod
    def read(cls, plan_file: Path, folder: Path, store: Path) -> "Candidates":
        """Reads plan.json, ranking.csv and images.csv; the cell that the analysis chose comes first.

        Raises:
            InputError: the plan or the ranking is missing.
        """
        if not (folder / "ranking.csv").is_file() or not plan_file.is_file():
            raise InputError(f"{folder}: plan.json or ranking.csv missing. Collect and analyze the study first.")
        ranking = pd.read_csv(regular(folder / "ranking.csv"), dtype=str, keep_default_na=False)
        best = _best_cell(folder / "analysis.json")
        ranking = ranking.sort_values("cell", key=lambda cells: cells != best, kind="stable").reset_index(drop=True)
        images = folder / "images.csv"
        scores = pd.DataFrame(columns=["run", "cell", "image"])
        if images.is_file() and images.stat().st_size > 1:
            scores = pd.read_csv(regular(images), dtype={"run": str, "cell": str, "image": str})
        return cls(open_plan(plan_file), ranking[ranking["best_run"] != ""], scores, SegmentStore(store))

    def run_of(self, cell: str) -> PlannedRun:
        """The run of a cell that is shown: its best one; of a cross-validation the one on the first cell's fold.

        Runs on other folds were trained on images that the first cell is shown on.
        """
        best, first = self._best_run(cell), self._best_run(self.ranking["cell"].iloc[0])
        wanted = (best.cell, best.role, best.seed, first.fold)
        return next((run for run in self.plan.runs if (run.cell, run.role, run.seed, run.fold) == wanted), best)

    def _best_run(self, cell: str) -> PlannedRun:
        name = self.ranking.set_index("cell").at[cell, "best_run"]
        return next(run for run in self.plan.runs if run.run == name)

    def data_of(self, run: PlannedRun) -> str:
        """The folder of prepared data that a run was trained on; it differs where sizes are an axis."""
        return self.plan.segments[run.segments[-1]].data

    def label(self, cell: str) -> str:
        """The settings of a cell in words."""
        return self.ranking.set_index("cell").at[cell, "label"]

    def row(self, cell: str, image: str) -> int | None:
        """Index in images.csv of an image's scores by the run of a cell that is shown."""
        found = self.images.index[(self.images["run"] == self.run_of(cell).run) & (self.images["image"] == image)]
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class ChosenImage:
    """An image of the validation split and why it is shown: `best`, `worst` or empty."""

    image: str
    why: str = ""
    value: float | None = None
    row: int | None = None  # of images.csv, the first below the header is 1


def cells_of(wanted: str, ranking: list[str]) -> list[str]:
    """Cells, best first. `wanted` is `best`, `top N` or `all`, as `report.images.of`; `ranking` is best first."""
    return list(ranking[: ReportImages(of=wanted).settings])


def images_of(
    wanted: str, names: list[str], scores: pd.DataFrame, metric: str, *, minimize: bool = False
) -> list[ChosenImage]:
    """Images by `first N` or `best N and worst M`.

    `names` are the images in the order of the split; `scores` has `image`, `metric` and the index of images.csv.
    Without scores, the first images are chosen.
    """
    first = re.fullmatch(r"first (\d+)", wanted)
    column = column_for(scores, metric)
    known = scores.dropna(subset=[column]) if column else scores.iloc[:0]
    by_name = {} if column is None else {row.image: (row.Index, row.score) for row in _scored(known, column)}
    if first or not by_name:
        count = int(first.group(1)) if first else sum(map(int, re.findall(r"\d+", wanted)))
        return [_chosen(name, "", by_name) for name in names[:count]]
    best, worst = map(int, re.findall(r"\d+", wanted))
    order = sorted((name for name in by_name if name in set(names)), key=lambda name: (by_name[name][1], name))
    if not minimize:
        order.reverse()
    best = min(best, len(order))
    worst = min(worst, len(order) - best)
    return [_chosen(name, "best", by_name) for name in order[:best]] + [
        _chosen(name, "worst", by_name) for name in order[::-1][:worst]
    ]


def column_for(scores: pd.DataFrame, metric: str) -> str | None:
    """The column of images.csv that holds the metric, with or without its split; else the first score there is."""
    bare = metric.partition("/")[2]
    for name in (metric, bare):
        if name in scores.columns:
            return name
    others = [name for name in scores.columns if name not in ("cell", "run", "image", "seed", "fold", "split")]
    return others[0] if others else None


def _scored(scores: pd.DataFrame, column: str):
    return scores[["image"]].assign(score=scores[column].astype(float)).itertuples()


def _chosen(name: str, why: str, by_name: dict[str, tuple[int, float]]) -> ChosenImage:
    index, value = by_name.get(name, (None, None))
    return ChosenImage(name, why, value, None if index is None else int(index) + 1)


def _best_cell(file: Path) -> str | None:
    """The cell that the analysis chose, whatever its rank in the search."""
    if not file.is_file():
        return None
    return str((read_json(file).get("best") or {}).get("cell"))

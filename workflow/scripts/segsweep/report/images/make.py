"""The pictures of a study: predictions or errors of chosen runs, and one picture over the cells of the grid."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from segsweep.errors import InputError


@dataclass
class Results:
    """What pictures are chosen from: plan, ranking and scores of single pictures."""

    plan: dict[str, Any]
    ranking: pd.DataFrame
    images: pd.DataFrame
    folder: Path
    store: Path

    @classmethod
    def read(cls, plan_file: Path, folder: Path, store_folder: Path) -> "Results":
        """Reads plan.json, ranking.csv and images.csv. Raises: InputError when the plan or the ranking is missing."""
        if not (folder / "ranking.csv").is_file() or not plan_file.is_file():
            raise InputError(f"{folder}: plan.json or ranking.csv missing. Collect and analyze the study first.")
        ranking = pd.read_csv(folder / "ranking.csv", dtype=str, keep_default_na=False)
        best = _best_cell(folder / "analysis.json")
        ranking = ranking.sort_values("cell", key=lambda cells: cells != best, kind="stable").reset_index(drop=True)
        images = folder / "images.csv"
        scores = pd.DataFrame(columns=["run", "cell", "image"])
        if images.is_file() and images.stat().st_size > 1:
            scores = pd.read_csv(images, dtype={"run": str, "cell": str, "image": str})
        plan = json.loads(plan_file.read_text(encoding="utf-8"))
        return cls(plan, ranking[ranking["best_run"] != ""], scores, folder, store_folder)

    def run_of(self, cell: str) -> dict[str, Any]:
        """The run of a cell that is shown: its best one; of a cross-validation the one on the first setting's fold.

        Runs on other folds were trained on pictures that the first setting is shown on.
        """
        best, first = self._best_run(cell), self._best_run(self.ranking["cell"].iloc[0])
        same = ("cell", "role", "seed")
        wanted = {name: best.get(name) for name in same} | {"fold": first.get("fold")}
        return next((run for run in self.plan["runs"] if {name: run.get(name) for name in wanted} == wanted), best)

    def _best_run(self, cell: str) -> dict[str, Any]:
        name = self.ranking.set_index("cell").at[cell, "best_run"]
        return next(run for run in self.plan["runs"] if run["run"] == name)

    def data_of(self, run: dict[str, Any]) -> str:
        """The folder of prepared data that a run was trained on; it differs where sizes are an axis."""
        known = [self.plan["segments"][segment] for segment in run["segments"] if segment in self.plan["segments"]]
        return known[-1]["data"] if known else self.plan["data"]

    def label(self, cell: str) -> str:
        """The setting of a cell in words."""
        return self.ranking.set_index("cell").at[cell, "label"]


def make(results: Results, output: Path) -> list[dict[str, Any]]:
    """Draws all pictures of a study into `output` and writes images.json there.

    Returns:
        An entry a file: `file` (relative to the study's folder), `caption`, `kind`, `image`, `cell`, `run`, and `items`
        with `image`, `cell`, `run`, `metric`, `value` and its `source` in images.csv.
    """
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.jpg"):
        old.unlink()
    entries: list[dict[str, Any]] = []
    if len(results.ranking):
        from segsweep.report.images.gallery import Drawing

        wish = (results.plan["study"].get("report") or {}).get("images") or {}
        entries = Drawing(results, output, wish).all()
    (output / "images.json").write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return entries


def _best_cell(file: Path) -> str | None:
    """The setting that the analysis chose: it comes first, whatever its rank in the search."""
    if not file.is_file():
        return None
    return str((json.loads(file.read_text(encoding="utf-8")).get("best") or {}).get("cell"))

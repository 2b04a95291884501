"""A study that was trained, all or in part: its tables, its runs, its ensemble."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep import metrics
from segsweep.config.yaml_documents import nearest
from segsweep.data.classes import class_names
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.inference.chosen_models import choose_runs
from segsweep.planning.plan_file import PLAN_FILE, PlannedCell, StudyPlan, read_plan
from segsweep.store.segment_store import SegmentStore
from segsweep.study_api.opened_ensemble import OpenedEnsemble
from segsweep.study_api.opened_run import OpenedRun
from segsweep.tables import Table, definitions

if TYPE_CHECKING:
    import pandas as pd

TABLES = {Path(one.file).stem: one for one in definitions() if issubclass(one, Table)}


class OpenedStudy:
    """The results of one study. Tables are read when they are first asked for; to see later results, open it again.

    Attributes:
        folder: with its results, absolute.
        project: folder that holds `results`.
        plan: of the study; folders in it are absolute.
        store: of trained segments.
    """

    def __init__(self, folder: Path):
        """`folder`: results/<study>.

        Raises:
            InputError: it has no plan that can be read.
        """
        self.folder, self.project = folder.absolute(), folder.absolute().parents[1]
        self.plan = _located(read_plan(self.folder / PLAN_FILE), self.project)
        self.store = SegmentStore(self.folder.parent / "segments")
        self._frames: dict[str, pd.DataFrame] = {}

    def __repr__(self) -> str:
        trained = plural(len(self.plan.runs), "run")
        return f"<study {self.name!r}: {plural(len(self.plan.cells), 'cell')}, {trained}, by {self.metric}>"

    @property
    def name(self) -> str:
        """Of its folder in `results`."""
        return self.folder.name

    @property
    def title(self) -> str:
        """Its title, or its name."""
        return self.plan.study.get("title") or self.name

    @property
    def metric(self) -> str:
        """The column of `runs` that it ranks by."""
        return self.plan.metric

    @property
    def minimize(self) -> bool:
        """Whether lower values of the metric are better."""
        return self.plan.minimize

    @property
    def axes(self) -> list[str]:
        """The hyperparameters that vary, as dotted keys: columns of `cells`, `runs` and `ranking`."""
        return list(self.plan.axes)

    @property
    def classes(self) -> list[str]:
        """Names of the classes in the order of the indices in masks; none where segsweep trained no network."""
        return class_names(self.plan.dataset) if self.plan.dataset else []

    @property
    def cells(self) -> pd.DataFrame:
        """cells.csv: a row for each combination of hyperparameter values."""
        return self.table("cells")

    @property
    def runs(self) -> pd.DataFrame:
        """runs.csv: a row for each run that is trained to its end, with its scores at its best epoch."""
        return self.table("runs")

    @property
    def missing(self) -> pd.DataFrame:
        """missing.csv: a row for each planned run that is not trained to its end."""
        return self.table("missing")

    @property
    def epochs(self) -> pd.DataFrame:
        """epochs.csv: a row for each epoch of each run."""
        return self.table("epochs")

    @property
    def images(self) -> pd.DataFrame:
        """images.csv: a row for each validation image at each run's best epoch."""
        return self.table("images")

    @property
    def ranking(self) -> pd.DataFrame:
        """ranking.csv: a row for each cell, best first."""
        return self.table("ranking")

    @property
    def factors(self) -> pd.DataFrame:
        """factors.csv: a row for each level of each hyperparameter."""
        return self.table("factors")

    @property
    def findings(self) -> pd.DataFrame:
        """findings.csv: a row for each statement that the report may make, or that was asked and cannot be made."""
        return self.table("findings")

    @property
    def claims(self) -> pd.DataFrame:
        """claims.csv: a row for each claim of the study, judged."""
        return self.table("claims")

    @property
    def class_scores(self) -> pd.DataFrame:
        """class_scores.csv: a row for each class and score."""
        return self.table("class_scores")

    @property
    def tables(self) -> list[str]:
        """Names of all tables that the study has, for `table`; docs/tables.md describes them."""
        return [name for name, table in TABLES.items() if (self.folder / table.file).is_file()]

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study; see `segsweep.study_api.frames.read_frame` for the types of its columns.

        Args:
            name: of its file, without folder and ending: `pairs`, `trials`.

        Raises:
            InputError: there is no such table, or it is damaged.
        """
        from segsweep.study_api.frames import read_frame

        if name not in TABLES:
            raise InputError(f"{self.name}: there is no table {name!r}. {nearest(name, TABLES)}")
        path = self.folder / TABLES[name].file
        if not path.is_file():
            raise InputError(
                f"{path}: the study does not have this table, or not yet. It has {', '.join(self.tables) or 'none'}. "
                "Of a study that is still training, `partial=true` makes them."
            )
        if name not in self._frames:
            self._frames[name] = read_frame(path, TABLES[name], self.axes)
        return self._frames[name].copy(deep=False)  # what is assigned to it stays with whoever asked

    @property
    def best(self) -> OpenedRun:
        """The best run of the setting that the study recommends, that of best.yaml.

        Raises:
            InputError: there is no ranking, or no cell has a usable run.
        """
        (run,) = choose_runs(self.plan, self.folder / "ranking.csv")
        return OpenedRun(self, run)

    def run(self, name: str) -> OpenedRun:
        """A run by its name, as in `runs`.

        Raises:
            InputError: there is no such run.
        """
        return OpenedRun(self, self.plan.run_named(name))

    @property
    def ensemble(self) -> OpenedEnsemble:
        """The ensemble that the study's key `ensemble` asks for.

        Raises:
            InputError: it asks for none, its members are not trained, or segsweep did not train them.
        """
        from segsweep.study_api.predicting import chosen_models

        chosen = chosen_models(self, "ensemble")
        return OpenedEnsemble(self, [OpenedRun(self, run) for run in chosen.runs], chosen.method)

    @cached_property
    def planned_cells(self) -> dict[str, PlannedCell]:
        """The cells of the plan, by name."""
        return {cell.cell: cell for cell in self.plan.cells}

    @contextmanager
    def in_project(self) -> Iterator[None]:
        """With the project as working folder: names of own code are relative to it. Own metrics are known."""
        with chdir(self.project):
            metrics.use_own(self.plan.metrics)
            yield


def _located(plan: StudyPlan, project: Path) -> StudyPlan:
    """A plan whose folders of prepared data are found from any working folder."""
    segments = {
        name: replace(segment, data=str(project / segment.data)) if segment.data else segment
        for name, segment in plan.segments.items()
    }
    return replace(plan, segments=segments, data=[str(project / folder) for folder in plan.data])

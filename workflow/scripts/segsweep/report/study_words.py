"""The words of a study: how its axes, levels, metrics and cells are called in sentences."""

from functools import cached_property
from typing import Any

from segsweep.report.display_names import DisplayNames
from segsweep.report.sources import SourceFiles
from segsweep.report.value_styles import escape, write


class StudyWords:
    """Names in words, from the files of a study's results alone: a sentence can be written again from them."""

    def __init__(self, files: SourceFiles):
        self.files = files

    @cached_property
    def _plan(self) -> dict[str, Any]:
        return self.files.tree("plan.json")

    @cached_property
    def _study(self) -> dict[str, Any]:
        return self._plan.get("study") or {}

    @cached_property
    def axes(self) -> list[str]:
        """The study's axes, as dotted keys."""
        return list(self._plan.get("axes") or [])

    @cached_property
    def names(self) -> DisplayNames:
        """Its names in words."""
        return DisplayNames(self._study.get("names") or {}, self.axes)

    @cached_property
    def metric_column(self) -> str:
        """The metric by which runs are ranked."""
        return self.files.tree("analysis.json")["metric"]

    @cached_property
    def minimize(self) -> bool:
        """Whether lower values of it are better."""
        return bool(self.files.tree("analysis.json")["minimize"])

    @cached_property
    def threshold(self) -> float | None:
        """The smallest difference that matters in practice; None if the study names none."""
        return self._study.get("matters")

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {row["cell"]: row["label"] for row in self.files.table("ranking.csv")}

    @cached_property
    def _kinds(self) -> dict[str, str]:
        there = (self.files.folder / "factor_summary.csv").is_file()
        return {row["axis"]: row["kind"] for row in self.files.table("factor_summary.csv")} if there else {}

    def numeric(self, axis: str) -> bool:
        """Whether the levels of an axis are numbers, which have values between and beyond them."""
        return self._kinds.get(axis) == "number"

    def axis(self, name: str) -> str:
        """An axis within a sentence: `learning rate`."""
        return escape(self.names.axis(name))

    def metric(self, column: str) -> str:
        """A column of runs.csv within a sentence: `validation mIoU`; of an axis its name."""
        return self.axis(column) if column in self.axes else escape(self.names.metric(column))

    def level(self, text: str) -> str:
        """A level: its name, or its value as code."""
        given = self.names.given.get(text)
        return escape(given) if given else f"`{write('code', text)}`"

    def cell(self, key: str) -> str:
        """A cell: its label as code."""
        return f"`{write('code', self._labels.get(key, key))}`"

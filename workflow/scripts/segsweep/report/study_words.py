"""The words of a study: how its axes, levels, metrics and cells are called in sentences."""

from functools import cached_property
from typing import Any

from segsweep.report import display_names
from segsweep.report.sources import SourceFiles
from segsweep.report.value_styles import escape, write


class StudyWords:
    """Names in words, from the files of a study's results alone: a sentence can be written again from them.

    `names` of the study file come first: of axes, metrics and levels.
    """

    def __init__(self, files: SourceFiles):
        self.files = files

    @cached_property
    def _plan(self) -> dict[str, Any]:
        return self.files.tree("plan.json")

    @cached_property
    def _study(self) -> dict[str, Any]:
        return self._plan.get("study") or {}

    @cached_property
    def names(self) -> dict[str, str]:
        """The study's own names, by axis, metric or level."""
        return self._study.get("names") or {}

    @cached_property
    def axes(self) -> list[str]:
        """The study's axes, as dotted keys."""
        return list(self._plan.get("axes") or [])

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

    def axis(self, name: str) -> str:
        """An axis within a sentence: `learning rate`."""
        own = self.names.get(name)
        return within(escape(own)) if own else display_names.axis(name, self.axes)

    def metric(self, column: str) -> str:
        """A column of runs.csv within a sentence: `validation mIoU`; of an axis its name."""
        if column in self.axes:
            return self.axis(column)
        own = self.names.get(column)
        return within(escape(own)) if own else display_names.metric(column)

    def level(self, text: str) -> str:
        """A level: its name, or its value as code."""
        own = self.names.get(text)
        return escape(own) if own else f"`{write('code', text)}`"

    def cell(self, key: str) -> str:
        """A cell: its label as code."""
        return f"`{write('code', self._labels.get(key, key))}`"


def within(name: str) -> str:
    """A name inside of a sentence: its first letter is small, except in `GPU` or `Adam's` kind of spelling."""
    return name[:1].lower() + name[1:] if name[1:2].islower() or name[1:2] == " " else name

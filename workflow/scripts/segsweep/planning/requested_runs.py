"""The runs that decisions request, made from what step files say about them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from segsweep.config.load import Loaded
from segsweep.formatting import value_in_words
from segsweep.planning.grid import Cell, Design, make_cell
from segsweep.planning.grid_points import Point
from segsweep.planning.overrides import Section
from segsweep.planning.plan_file import RETRAIN
from segsweep.planning.runs import Context, Run, make_run, to_repeat
from segsweep.search.step_files import RACE, RequestedRun
from segsweep.store.segment_store import SegmentStore


class Decided:
    """The runs that the decisions of a study requested so far.

    A trial is requested up to one rung after the other: each is a run of its own here, so segments end there.
    """

    def __init__(self, loaded: Loaded, design: Design, context: Context):
        self.design, self.context = design, context
        self._location = lambda keys: loaded.location(("sweep", "space", *keys))
        self._runs: dict[tuple[str, int], Run] = {}
        self._cells: dict[str, Cell] = {cell.cell: cell for cell in design.cells}

    @property
    def runs(self) -> Iterable[Run]:
        """All of them."""
        return self._runs.values()

    def add(self, requested: list[RequestedRun]) -> bool:
        """Add the runs that a decision requests; whether there were new ones."""
        new = {(one["key"], one["epochs"]): one for one in requested if (one["key"], one["epochs"]) not in self._runs}
        self._runs |= {name: self.run_of(one) for name, one in new.items()}
        return bool(new)

    def run_of(self, one: RequestedRun) -> Run:
        """The run that is requested: of a cell of the study, or of a new one."""
        role = one["role"]
        cell = self._cells[one["cell"]] if one.get("cell") in self._cells else self._new_cell(one)
        if role == RETRAIN:
            cell = _without_early_stopping(cell)
        return make_run(
            cell,
            one["seed"],
            self.context,
            fold=one["fold"],
            epochs=one["epochs"],
            total_epochs=one["total_epochs"],
            key=one["key"],
            role="" if role == RACE else role,
        )

    def segments_of(self, one: RequestedRun, store: SegmentStore) -> set[str]:
        """Ids of segments that a decision on a requested run may rest on: of its phases, wherever those end."""
        run, ends = self.run_of(one), range(1, one["epochs"] + 1)
        return {f"{phase.hash}-{end:04d}" for phase in run.phases for end in ends} - to_repeat(run, store)

    def _new_cell(self, one: RequestedRun) -> Cell:
        changes = one["set"]
        axes = self.design.axes or list(changes)
        levels = self.design.levels
        resolved = levels.resolver.resolve(changes, self._location)
        cell = make_cell(levels, resolved, axes, Point(changes, (), one["role"]))
        number = f"trial {one['trial']}" if one.get("trial") is not None else "best"
        names = self.design.names
        settings = {axis: cell.settings[axis] for axis in names if axis in cell.settings} if names else cell.settings
        shown = " ".join(f"{names.get(axis, axis)}={_rounded(value)}" for axis, value in settings.items())
        return replace(cell, settings=settings, label=f"{number} {shown}".strip(), role=one["role"])


def _without_early_stopping(cell: Cell) -> Cell:
    """The cell for a run that has no validation images of its own: how long it trains is decided already."""
    sections = cell.resolved.sections | {"early_stopping": Section(None, None, "")}
    return replace(cell, resolved=replace(cell.resolved, sections=sections))


def _rounded(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else value_in_words(value)

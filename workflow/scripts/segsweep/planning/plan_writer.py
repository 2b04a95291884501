"""Writing down what jobs read, by the process that was started by hand and nowhere else.

In results/<study>/:
    plan.json       the plan (`segsweep.planning.plan_file`): all jobs and programs read it
    packs.json      the segments of each pack that jobs may still be asked for
    own_components.json   the components of own code, to be tried before the first training
    tried_settings.json   what else is tried before it
    history.json    what each complete run was made of, to say later why it trains again
    budget.json     what jobs must know of the study's budget (`segsweep.planning.budget_ledger`)
    tracked_data.json   what the folders of data held that DVC tracks, while they were here
and beside the data, what planning remembers of files. Written when Snakemake's jobs start, never by a dry run; of a
study that has no plan.json at all, a dry run leaves one to look at, which is written again before any job reads it.
"""

import json
import shutil
from os import SEEK_END
from pathlib import Path
from typing import IO

from segsweep.disk_errors import refusals_told
from segsweep.io import regular, write_if_changed
from segsweep.planning import markers
from segsweep.planning.budget_ledger import BUDGET_FILE, LEFT_OUT
from segsweep.planning.log_files import clear_log_files
from segsweep.planning.own_components import as_text
from segsweep.planning.packs import remembered
from segsweep.planning.planner import Planner
from segsweep.store.leftovers import remove_leftovers


class PlanWriter:
    """Writes the plan of a study.

    Args:
        study: as it was planned.
    """

    @refusals_told()
    def __init__(self, study: Planner):
        self.study = study
        self.started = False
        # Those of this process come later.
        self.in_use_by_another = study.folder in markers.running().values()
        self.shown: IO[str] | None = None

    @refusals_told()
    def write_first(self) -> None:
        """Write plan.json if there is none that can be read: to look at."""
        if self.study.study.table is None and not ends_as_a_plan(self.study.plan_file):
            write_if_changed(self.study.plan_file, self.study.plan.text())

    @refusals_told()
    def start(self) -> None:
        """Write all that jobs will read, and remove what earlier starts left behind."""
        self.started = True
        self.shown = markers.hold(self.study.start, self.study.folder)
        for path in self.study.outdated_steps:
            path.unlink(missing_ok=True)
        markers.remove_old(self.study.start)
        clear_log_files()
        if not self.in_use_by_another:
            shutil.rmtree(self.study.folder / LEFT_OUT, ignore_errors=True)  # by jobs of earlier starts
            (self.study.folder / BUDGET_FILE).unlink(missing_ok=True)
        remove_leftovers(self.study.folder.parent, [self.study.folder])
        self.write()

    @refusals_told()
    def write(self) -> None:
        """Write all that changed: at the start, and when a decision has added runs."""
        study = self.study
        if not self.started:
            return
        if study.training is None:
            return
        for memory in study.training.memories:
            memory.save()
        if self.in_use_by_another:
            return
        write_if_changed(study.plan_file, study.plan.text())
        if study.packs:
            write_if_changed(study.packs_file, remembered(study.packs_file, study.packs, study.store.complete))
        if study.has_own_components:
            write_if_changed(study.own_components_file, as_text(study.own_parts))
        if study.tried:
            write_if_changed(study.tried_file, json.dumps(study.tried, sort_keys=True))
        if seen := study.training.seen:
            write_if_changed(study.seen_file, json.dumps(seen, indent=1))
        if study.budget is not None:
            study.budget.file().write(study.folder)
        write_if_changed(study.history_file, study.history.text())

    @refusals_told()
    def finish(self) -> None:
        """Note what was trained, when all jobs have ended."""
        if self.shown is not None:
            markers.release(self.study.start, self.shown)
        if self.started and self.study.study.table is None:
            self.study.remember_trained()
            write_if_changed(self.study.history_file, self.study.history.text())


def ends_as_a_plan(file: Path) -> bool:
    """Whether a plan is there and whole, by its last character: parsing that of ten thousand cells takes a second."""
    try:
        with regular(file).open("rb") as plan:
            plan.seek(-1, SEEK_END)
            return plan.read() == b"}"
    except OSError:  # none, or an empty one
        return False

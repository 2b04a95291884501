"""What the planner asks about how the runs of a study are trained: by segsweep, or by a program of one's own."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from segsweep.config.load import Loaded
from segsweep.planning.grid import Design
from segsweep.planning.overrides import Resolved
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.remembered import Remembered
from segsweep.planning.rerun_reasons import History
from segsweep.planning.runs import Context, Run, Segment
from segsweep.planning.tried_settings import TriedStudy
from segsweep.store.segment_store import SegmentStore


class StudyTraining(Protocol):
    """How the runs of a study are trained: `BuiltinTraining`, `ProgramTraining`.

    Attributes:
        context: what addresses depend on besides settings.
        memories: hashes of files, to be saved.
        seen: what folders held that DVC tracks, see `segsweep.planning.data_fingerprint`.
        data_in_words: what the address of the data stands for.
        dataset: settings of the data set; None where there is none.
        prepared: by folder of prepared data, what `prepare_data` fills it with, of all plans of segments so far.
        code_files: files of a person's own program that addresses stand for, of all plans of segments so far.
    """

    context: Context
    memories: list[Remembered]
    seen: dict[str, dict[str, str]]
    data_in_words: str
    dataset: dict[str, Any] | None
    prepared: dict[str, dict[str, Any]]
    code_files: list[str]

    def check(self, settings: Iterable[Resolved], loaded: Loaded) -> None:
        """Refuse settings that cannot be trained.

        Args:
            settings: of cells.
            loaded: the study that they are of, as it is planned or as a smoke test.

        Raises:
            InputError: naming each.
        """

    def unknown_names(self, design: Design, loaded: Loaded) -> Iterator[str]:
        """A problem for each of the study's `names` that nothing of it has.

        Args:
            design: all cells of the study.
            loaded: the study.
        """

    def to_be_tried(self, settings: Iterable[Resolved]) -> TriedStudy | None:
        """What `check_study` tries before the first training; None where there is nothing."""

    def problems(self, plan: StudyPlan) -> list[str]:
        """What of a plan cannot be done with the data that is there."""

    def remarks(self, settings: Iterable[Resolved], plan: StudyPlan) -> Iterator[str]:
        """Sentences about what will be trained."""

    def to_select_again(self, runs: Iterable[Run], store: SegmentStore, history: History) -> dict[str, str]:
        """Complete segments that did not keep what the study's metric asks for, and why."""

    def segment(self, segment: Segment) -> dict[str, Any]:
        """What a segment's plan says of its training: fields of `SegmentPlan`."""

    def pull(self) -> None:
        """Have DVC bring what trainings read and is not there.

        Raises:
            InputError: DVC could not.
        """

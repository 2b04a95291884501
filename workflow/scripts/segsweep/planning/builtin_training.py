"""How the planner sees the runs that segsweep's own loop trains."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from segsweep import registry
from segsweep.analysis.measures import NAMES as MEASURES_OF_RUNS
from segsweep.config.load import Loaded
from segsweep.data.classes import class_names, class_table
from segsweep.errors import check_all
from segsweep.metrics import columns as columns_of
from segsweep.metrics import measured_in_batches
from segsweep.planning.augmentation_trials import augmentation_problems
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.data_address import DataAddresses
from segsweep.planning.data_fingerprint import check_there, file_hashes, pull_missing, weights_fingerprint
from segsweep.planning.data_fit import data_fit, fit_of_listed
from segsweep.planning.grid import Design
from segsweep.planning.image_kind import image_counts, image_kind
from segsweep.planning.name_checks import unknown_names
from segsweep.planning.overrides import Resolved
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.remembered import Remembered
from segsweep.planning.rerun_reasons import History
from segsweep.planning.runs import Run, Segment
from segsweep.planning.selection import Selection, to_select_again
from segsweep.planning.setting_checks import (
    about_patches,
    about_schedules,
    about_sizes,
    check_class_weights,
    check_data,
    check_encoders,
    check_folds,
    check_losses,
    check_models,
    check_monitors,
    check_retraining,
)
from segsweep.planning.study_context import TrainingContext, context_of, metric_roots
from segsweep.planning.tried_settings import TriedStudy, tried_study
from segsweep.search.retraining import retrains
from segsweep.store.segment_store import SegmentStore

WEIGHTS = ".weights.json"


@dataclass(frozen=True)
class BuiltinTraining:
    """The `StudyTraining` of a study with `train`.

    Attributes:
        loaded: the study.
        addresses: of what its settings see of the data.
        images: channels and dtype of the images, as far as they are known.
        counts: how many images the splits have, as far as it is known.
        selection: by what the best epoch of a run is chosen.
    """

    data_in_words: ClassVar[str] = "the data"

    loaded: Loaded
    addresses: DataAddresses
    images: Callable[[], tuple[int | None, str | None]]
    counts: Callable[[], dict[str, int]]
    selection: Selection
    context: TrainingContext
    memories: list[Remembered]
    seen: dict[str, dict[str, str]]

    @cached_property
    def dataset(self) -> dict[str, Any]:
        return self.loaded.dataset.model_dump(mode="json")

    @property
    def prepared(self) -> dict[str, dict[str, Any]]:
        return self.addresses.descriptions

    @property
    def code_files(self) -> list[str]:
        return []

    def check(self, settings: Iterable[Resolved], loaded: Loaded) -> None:
        dataset, study = self.loaded.dataset, loaded.study
        task, classes = dataset.task, class_names(dataset)
        check_all(
            partial(check_data, settings, registry.classes("task")[task], task, self.images),
            partial(check_models, settings, task),
            partial(check_encoders, settings),
            partial(check_losses, settings, task),
            partial(check_class_weights, settings, classes),
            partial(check_monitors, settings, task, class_table(dataset).names),
            partial(check_retraining, settings if retrains(study) else []),
            partial(check_folds, study, self.counts, loaded.location),
            partial(check_there, dataset, self.loaded.root, self.seen),
        )

    def unknown_names(self, design: Design, loaded: Loaded) -> Iterator[str]:
        dataset = loaded.dataset
        columns = [*columns_of(dataset.task, class_table(dataset).names), *MEASURES_OF_RUNS]
        yield from unknown_names(loaded.study, design, columns, loaded.location)

    def to_be_tried(self, settings: Iterable[Resolved]) -> TriedStudy | None:
        return tried_study(settings, self.loaded.dataset, *self.images())

    def problems(self, plan: StudyPlan) -> list[str]:
        fitting = [problem for folder in plan.data for problem in data_fit(plan, folder).problems]
        return fitting + [problem for folder in plan.data for problem in augmentation_problems(plan, folder)]

    def remarks(self, settings: Iterable[Resolved], plan: StudyPlan) -> Iterator[str]:
        yield from about_patches(settings)
        yield from about_sizes(settings)
        yield from about_schedules(settings)
        for folder in plan.data:
            yield from data_fit(plan, folder).warnings
            yield from fit_of_listed(plan, folder, self.counts)
        if self.loaded.study.sweep is not None and not plan.segments:
            yield from fit_of_listed(plan, "", self.counts, (one.dump for one in settings))

    def to_select_again(self, runs: Iterable[Run], store: SegmentStore, history: History) -> dict[str, str]:
        return to_select_again(runs, store, self.selection, history)

    def segment(self, segment: Segment) -> dict[str, Any]:
        resolved = segment.run.cell.resolved
        train, loss, study = resolved.dump, segment.phase.loss, self.loaded.study
        return {
            "train": train if train["loss"] == loss else train | {"loss": loss},
            "data": self.addresses.folder_of(resolved.sections["data"].dump),
            "dataset": self.dataset,
            "also_measure": measured_in_batches([*study.also_report, *study.objectives]),
        }

    def pull(self) -> None:
        """Nothing: the rule that prepares the data does."""


def builtin_training(
    loaded: Loaded, code: Code, data: Path, seen: dict[str, dict[str, str]], *, pull: bool
) -> BuiltinTraining:
    """How the planner sees the runs of a study with `train`.

    Args:
        loaded: the study.
        code: of the package.
        data: folder of all prepared data.
        seen: what tracked folders held.
        pull: have DVC bring data that can be addressed in no other way.

    Raises:
        InputError: DVC could not.
    """
    study, dataset = loaded.study, loaded.dataset
    hashes, weights_hashes = file_hashes(dataset, data), Remembered(data / WEIGHTS)
    if pull:
        pull_missing(dataset, loaded.root, seen)
    addresses = DataAddresses(dataset, loaded.root, data, code, hashes, seen)
    weights = partial(weights_fingerprint, remembered=weights_hashes)
    images = cache(partial(image_kind, dataset, loaded.root))
    roots = metric_roots(study.metric)
    version = code.fingerprint(roots) if roots else ""
    return BuiltinTraining(
        loaded,
        addresses,
        images,
        cache(partial(image_counts, dataset, loaded.root)),
        Selection(study.metric, study.minimize, dataset.task, class_table(dataset).names, version),
        context_of(study, dataset, code, addresses.address_of, weights, images),
        [hashes, weights_hashes],
        seen,
    )

"""What the addresses of a study's runs depend on besides their settings, and where the code of a training begins."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from segsweep import metrics, registry
from segsweep.config.augmentations import read_augmentation
from segsweep.config.dataset_keys import Dataset
from segsweep.config.losses import Loss, LossPhase
from segsweep.config.settings import Component
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.hashing import short_hash
from segsweep.own_code.names import without_folder
from segsweep.planning.addresses import InForce, SectionAddresses, as_text, meanings, revision_of
from segsweep.planning.code_fingerprint import Code, Symbol
from segsweep.planning.grid import Cell
from segsweep.planning.runs import Phase, Run

LOOP: Symbol = ("segsweep.training.loop", "train_segment")
PREPARE: Symbol = ("segsweep.data.preparation", "prepare")
BUILD = "build"


@dataclass(frozen=True)
class TrainingContext:
    """What the addresses of runs depend on that segsweep trains: the `Context` of `segsweep.planning.runs`.

    Attributes:
        sections: addresses of sections of the settings.
        code: the code of the package.
        roots: where the code begins that all trainings of the study execute.
        data: of a data section's dump, and of whether it is trained on folds, the address of what a training sees.
    """

    sections: SectionAddresses
    code: Code
    roots: frozenset[Symbol]
    data: Callable[[dict[str, Any], bool], str]

    def data_of(self, cell: Cell, fold: dict[str, Any] | None) -> str:
        return self.data(cell.resolved.sections["data"].dump, fold is not None)

    def depends_on_end(self, cell: Cell) -> bool:
        return cell.resolved.sections["scheduler"].value.looks_at_end

    def phases(self, run: Run) -> list[Phase]:
        resolved, found, before = run.cell.resolved, [], ""
        sections = [
            self.sections.of(part, one.value)
            for part, one in resolved.sections.items()
            if part not in ("loss", "epochs")
        ]
        setting = {part: value for section in sections for part, value in section.adds.items()}
        setting |= revision_of(self.sections.kind)
        if run.depends_on_end:
            setting["epochs"] = run.total_epochs
        roots = [self.roots, *(section.roots for section in sections if section.roots)]
        loss = resolved.sections["loss"].value
        for first, last, section, dump in self.sections.phases(loss, run.total_epochs, phases_of):
            if first > run.epochs:
                break
            complete, called = setting | section.adds, self.sections.joined(*roots, section.roots)
            code = self.code.fingerprint(called)
            digest = short_hash(as_text([complete, run.seed, run.fold, run.data, code, before]))
            found.append(Phase(digest, first, min(last, run.epochs), dump, complete, called, code))
            before = f"{digest}-{last}"
        return found

    def forget(self) -> None:
        self.sections.forget()


def phases_of(loss: Loss, total: int) -> list[tuple[int, int, Loss]]:
    """(first epoch, last epoch, loss in force) of each phase; neighbours with the same loss are one."""
    found: list[tuple[int, int, Loss]] = []
    first = 1
    for phase in loss.phases or [None]:
        last = min((phase.until_epoch if phase else None) or total, total)
        if first > last:
            continue
        current = loss_in_force(loss, phase)
        if found and found[-1][2] == current:
            first = found.pop()[0]
        found.append((first, last, current))
        first = last + 1
    return found


def loss_in_force(loss: Loss, phase: LossPhase | None) -> Loss:
    """The loss during a phase: what the phase sets replaces, the rest stays, no phases are left."""
    if phase is None:
        return loss
    names = set(type(phase).model_fields) - {"until_epoch"}
    changed = {name: value for name in names if (value := getattr(phase, name)) is not None}
    return loss.model_copy(update=changed | {"phases": []})


def context_of(
    study: Study,
    dataset: Dataset,
    code: Code,
    data: Callable[[dict[str, Any], bool], str],
    weights: Callable[[str | None], str],
    images: Callable[[], tuple[int | None, str | None]] = lambda: (None, None),
) -> TrainingContext:
    """What the addresses of a study's runs depend on.

    Args:
        study: the study; of it the metric counts, where a monitor watches it.
        dataset: its data set; of it the task.
        code: the code of the package.
        data: of a data section's dump, and of whether it is trained on folds, the address of what a training sees.
        weights: of encoder weights, the fingerprint of the file that they name; else empty.
        images: channels and dtype of the images, as far as they are known.
    """

    def monitored(column: str | None) -> tuple[str, bool]:
        column = column or study.metric
        return column, study.minimize if column == study.metric else metrics.is_minimized(column)

    def transforms(augmentation: str) -> list[tuple[str, dict[str, Any]]]:
        # An image's header is read only where it matters.
        channels, dtype = images() if augmentation != "none" else (None, None)
        return read_augmentation(augmentation, dataset.task, channels, dtype)

    def own_augmentation(name: str) -> Iterable[Symbol]:
        return component_roots(registry.find("augmentation", name))

    stand_for = meanings(monitored, metric_roots, transforms, own_augmentation, weights)
    in_force = InForce(dataset.task, stand_for, component_roots, without_folder)
    return TrainingContext(SectionAddresses(Train, in_force), code, training_roots(dataset.task), data)


def training_roots(task: str) -> frozenset[Symbol]:
    """Roots of all trainings of a task."""
    return frozenset({LOOP, (registry.module_name(registry.classes("task")[task]), BUILD)})


def component_roots(component: Component | type[Component]) -> list[Symbol]:
    """Roots of a component: the functions of its kind; of an own one the class of its settings as well."""
    module, cls = registry.module_name(component), component if isinstance(component, type) else type(component)
    classes = [cls.own.settings] if cls.own and cls.own.settings else []
    return [(module, name) for name in (*component.functions, *classes)]


def preparation_roots(dataset: Dataset) -> frozenset[Symbol]:
    """Roots of the code that reads and prepares a data set."""
    roots = {PREPARE, *component_roots(dataset)}
    if dataset.drawn_by is not None:
        roots.add((dataset.drawn_by, "draw"))
    return frozenset(roots)


def metric_roots(column: str) -> Iterable[Symbol]:
    """Roots of the code that computes a column."""
    metric = metrics.metric_of(column)
    return component_roots(metric) if metric else ()

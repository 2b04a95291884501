"""What the addresses of a study's runs depend on besides their settings, and where the code of a training begins."""

from collections.abc import Callable, Iterable
from typing import Any

from segsweep import metrics, registry
from segsweep.config.augmentations import read_augmentation
from segsweep.config.dataset_keys import Dataset
from segsweep.config.settings import Component
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.own_code.names import without_folder
from segsweep.planning.addresses import InForce, SectionAddresses, meanings
from segsweep.planning.code_fingerprint import Code, Symbol
from segsweep.planning.runs import Context

LOOP: Symbol = ("segsweep.training.loop", "train_segment")
PREPARE: Symbol = ("segsweep.data.preparation", "prepare")
BUILD = "build"


def context_of(
    study: Study,
    dataset: Dataset,
    code: Code,
    data: Callable[[dict[str, Any], bool], str],
    weights: Callable[[str | None], str],
    images: Callable[[], tuple[int | None, str | None]] = lambda: (None, None),
) -> Context:
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
    return Context(SectionAddresses(Train, in_force), code, training_roots(dataset.task), data)


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
    roots = {PREPARE, (registry.module_name(dataset), "read")}
    if dataset.drawn_by is not None:
        roots.add((dataset.drawn_by, "draw"))
    return frozenset(roots)


def metric_roots(column: str) -> Iterable[Symbol]:
    """Roots of the code that computes a column."""
    metric = metrics.metric_of(column)
    return component_roots(metric) if metric else ()

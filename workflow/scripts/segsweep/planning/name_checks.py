"""Names for a report that nothing of a study has."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from segsweep import metrics
from segsweep.config.dotted_keys import ABSENT, value_in
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.formatting import is_number, value_in_words
from segsweep.own_code.names import without_folder
from segsweep.planning.grid import Design

COUNTED = ("epochs", "best_epoch")


def unknown_names(
    study: Study, design: Design, columns: Iterable[str], location: Callable[[tuple], str]
) -> Iterator[str]:
    """A problem for each key of `names` that is no axis, level, setting, metric or class.

    Args:
        study: the study.
        design: its cells.
        columns: names of metrics, `val/iou/car`, and of what else is measured of a run.
        location: `file:line` of a key of the study file.
    """
    if not study.names:
        return
    space = study.sweep.space if study.sweep else {}
    spoken = {*design.axes, *space, *columns}
    levels = {text for level in _levels(study, design) for text in (value_in_words(level), str(level))}
    known = spoken | levels | {*COUNTED, *(part for column in columns for part in _parts(column))}
    drawn = any(one.choices is None for one in space.values())
    for name in study.names:
        is_setting = any(value_in(one.dump, name) is not ABSENT for one in design.settings)
        is_drawn = drawn and is_number(name)
        if without_folder(name) not in known and not (is_setting or is_drawn or metrics.is_loss(name)):
            yield (
                f"{location(('names', name))}: `names` has {name!r}, which is no axis, metric, class or level of the "
                f"study. {nearest(name, spoken | {value_in_words(level) for level in _levels(study, design)})}"
            )


def _levels(study: Study, design: Design) -> Iterator[Any]:
    for cell in design.cells:
        yield from cell.settings.values()
    for dimension in study.sweep.space.values() if study.sweep else ():
        yield from dimension.choices or []


def _parts(column: str) -> list[str]:
    """What a column is called without its split, and its class."""
    split, _, score = column.partition("/")
    return [score, f"test/{score}", *score.split("/")] if split == "val" else []

"""Claims that no cell of a study could ever decide."""

from collections.abc import Collection, Iterator
from typing import Any

from segsweep.config.components import StudyClaim
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.formatting import label, value_in_words

Settings = dict[str, Any]


def claims_of_no_cell(
    study: Study, cells: list[Settings], wrong: list[Settings], axes: Collection[str], location
) -> Iterator[str]:
    """A problem for each level that a claim speaks of and no cell has, and for each `where` that no cell meets.

    Args:
        study: the study.
        cells: the level that each cell has of each axis.
        wrong: what further cells change in which something is wrong.
        axes: that can be judged.
        location: `file:line` of a key of the study file.
    """
    written = [*cells, *wrong]
    for number, claim in enumerate(study.claims if written else ()):
        spoken = f"{location(('claims', number))}: claims: {claim.id} speaks of"
        missing = [(axis, level) for axis, level in _levels(claim) if not _any_has(written, {axis: level})]
        for axis, level in missing:
            if axis in axes:
                there = dict.fromkeys(value_in_words(one[axis]) for one in written if axis in one)
                text = value_in_words(level)
                yield f"{spoken} {axis} {text}, and no cell has it. {nearest(text, there)}"
        if not missing and not wrong:
            for settings in _together(claim):
                if not _any_has(cells, settings):
                    shown = label(settings, {axis: axis for axis in settings})
                    yield (
                        f"{spoken} cells with {shown}, and there are none: `exclude` leaves them out, or no "
                        "grid combines them. Correct it, or take it out."
                    )


def _levels(claim: StudyClaim) -> list[tuple[str, Any]]:
    """Each level that a claim speaks of with its axis; of a list in `where` each."""
    where = getattr(claim, "where", {})
    found = [(axis, level) for axis, level in claim.levels() if axis not in where]
    return found + [(axis, one) for axis, level in where.items() for one in _alternatives(level)]


def _together(claim: StudyClaim) -> list[Settings]:
    """Settings that a cell must have for the claim to be of it: `where`, with each of its own levels."""
    where = getattr(claim, "where", {})
    own = [{axis: level} for axis, level in claim.levels() if axis not in where]
    return [where | one for one in own or [{}]] if where else []


def _alternatives(level: Any) -> list[Any]:
    return level if isinstance(level, list) else [level]


def _any_has(cells: list[Settings], settings: Settings) -> bool:
    asked = {axis: {value_in_words(one) for one in [level, *_alternatives(level)]} for axis, level in settings.items()}
    return any(
        all(axis in cell and value_in_words(cell[axis]) in texts for axis, texts in asked.items()) for cell in cells
    )

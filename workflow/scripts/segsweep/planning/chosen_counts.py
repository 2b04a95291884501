"""How many of its best settings a study asks for, compared with how many it has."""

from collections.abc import Iterator

from segsweep.config.study import Study
from segsweep.formatting import plural


def about_chosen(study: Study, cells: int) -> Iterator[str]:
    """A sentence for each key that asks for more settings than there are: it gets all of them.

    Args:
        study: the study, after `smoke`.
        cells: how many cells it has, beside the trials of a search.
    """
    there, noun = (study.sweep.trials, "trial") if study.sweep else (cells, "cell")
    for key, settings, what in _asked(study):
        if settings > there:
            wanted = plural(settings, "setting")
            yield f"{key}: {wanted} are asked for, and the study has {plural(there, noun)}: {what}."


def _asked(study: Study) -> Iterator[tuple[str, int, str]]:
    if study.confirm is not None:
        yield "confirm.top", study.confirm.top, "all are confirmed"
    if study.test is not None:
        yield "test.of", study.test.settings, "all are scored"
    if study.keep.best is not None:
        yield "keep.weights", study.keep.best, "the weights of all are kept"
    if study.report.images.of != "all":
        yield "report.images.of", study.report.images.settings, "images of all are shown"

"""What is wrong with the adaptive part of a study, found before its first job."""

from collections.abc import Callable, Iterator

from segsweep.config.racing import all_seeds
from segsweep.config.study import Study
from segsweep.search import pruning, space, start_points
from segsweep.search.requests import replicates


def problems(study: Study, location: Callable[[tuple], str]) -> list[str]:
    """All problems with `sweep`, `confirm` and `ensemble`, each with file, line and a remedy.

    Args:
        study: after `smoke`.
        location: `file:line` of a key of the study file.
    """
    found = []
    if study.sweep is not None:
        found += (wrong := space.problems(study.sweep, location))
        found += start_points.problems(study, location) if not wrong else ()
        pruner = study.sweep.pruner
        found += _about_pruner(study, location)
        if pruner.name != "none" and not pruning.rungs(pruner, study.total_epochs):
            found.append(
                f"{location(('sweep', 'pruner', 'min_epochs'))}: min_epochs is {pruner.min_epochs}, and a training has "
                f"{study.total_epochs} epochs, so no trial would ever be judged. Lower it, or set `name: none`."
            )
        if study.sweep.narrow is not None and study.sweep.narrow.source == study.name:
            found.append(f"{location(('sweep', 'narrow', 'from'))}: a study cannot narrow itself. Name an earlier one.")
    if study.confirm is not None:
        where = location(("confirm", "seeds"))
        seeds, own = all_seeds(study.confirm.seeds), all_seeds(study.seeds)
        stale = sorted(set(seeds) & set(own))
        if stale:
            found.append(
                f"{where}: {stale} are seeds of the study itself, {own}. "
                "A setting that they chose cannot be confirmed on them. Give others."
            )
        if len(set(seeds)) < len(seeds):
            found.append(f"{where}: a seed is repeated: {seeds}. Leave one out.")
    votes = study.ensemble.min_votes if study.ensemble is not None else None
    if votes is not None and votes > study.ensemble.folds:
        found.append(
            f"{location(('ensemble', 'min_votes'))}: min_votes is {votes}, and {study.ensemble.folds} members vote. "
            f"At most {study.ensemble.folds} can agree."
        )
    return found


def _about_pruner(study: Study, location: Callable[[tuple], str]) -> Iterator[str]:
    """What is wrong with a rule that could prune no trial, or only the good ones."""
    pruner, runs = study.sweep.pruner, len(replicates(study, study.first_seeds))
    where = location(("sweep", "pruner", "name"))
    if pruner.name == "wilcoxon" and pruner.least_p(runs) >= pruner.p_threshold:
        needed = next(number for number in range(1, 100) if pruner.least_p(number) < pruner.p_threshold)
        yield (
            f"{where}: wilcoxon compares the runs of a trial with those of the best one, and a trial has {runs} (seeds "
            f"times folds): its p-value is at least {pruner.least_p(runs):.3g}, never below p_threshold "
            f"{pruner.p_threshold:g}, so that no trial would be pruned. Take {needed} seeds or folds, or another rule."
        )
    if pruner.name == "threshold":
        better, bad, good = ("lower", "upper", "lower") if study.minimize else ("higher", "lower", "upper")
        if getattr(pruner, bad) is None:
            yield (
                f"{where}: threshold has only `{good}`, and {better} is better: it would prune the good trials. Give "
                f"`{bad}`."
            )

"""A study in Optuna's storage: a database, or the file of a journal.

The storage holds the trials with their distributions, but neither the program nor the sampler and the pruner; of the
latter two only traces in the trials' attributes.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from segsweep.config.search import Dimension
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import number, plural, value_in_words
from segsweep.search.space import same
from segsweep.sweep_imports.definition import GRID, Arguments, Definition
from segsweep.sweep_imports.known_names import Role, nearest_to_root
from segsweep.sweep_imports.optuna_parts import USUAL, direction, numbers
from segsweep.sweep_imports.shell_words import literal

SQLITE_HEADER = b"SQLite format 3\x00"
# Beginnings of the attributes that samplers leave in trials, or in the study.
TRACES = {"grid_id": GRID, "cma:": "cmaes", "gp:": "gp", "qmc": "qmc", "tpe:": "tpe"}
RUNG = "completed_rung_"  # left by the pruners of successive halving, Hyperband's brackets among them
BEST = 3  # trials that a comment shows
PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@")  # of the URL of a database: no file and no message may hold it


def read_optuna(source: str, name: str | None, program: Path | None) -> Definition:
    """The definition of a study.

    Args:
        source: URL of a database, or path of a SQLite or journal file.
        name: of the study; needed where the storage holds several.
        program: that trains, where a person says it.

    Raises:
        InputError: no such storage or study, or no trials that say what its parameters are.
    """
    study, source = _study(source, name), _shown(source)
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.distributions]
    if not trials:
        raise InputError(
            f"{source}: the study {study.study_name} has no trials, which alone say what its parameters are."
        )
    found = Definition(
        f"the Optuna study {study.study_name} of {source}", study.study_name, _sampler(study, trials), {}
    )
    direction(found, [one.name for one in study.directions])
    found.metric = (study.metric_names or [None])[0]
    ended = [trial for trial in trials if trial.state.is_finished()]
    found.trials = len(ended) or len(trials)
    found.remark("sweep", "trials", text=f"As many as the study has: {_states(trials)}.")
    _take_axes(found, trials)
    _take_epochs(found, ended)
    if any(key.startswith(RUNG) for trial in trials for key in trial.system_attrs):
        found.pruner = {"name": "hyperband"}
    elif any(trial.state is TrialState.PRUNED for trial in trials):
        found.pruner = {"name": "median"}
    if found.pruner:
        found.remark(
            "pruner", text="Trials were pruned; the storage does not say by which rule. Set `min_epochs` and the like."
        )
    _take_results(found, study.directions[0], trials)
    if program is None:
        found.remark("command", text="The storage names no program: correct its name, or import again with --program.")
        program = Path("train.py")
    found.program = program
    found.command = ["python", literal(str(program)), Arguments.FLAGS]
    return found


def _study(source: str, name: str | None) -> optuna.Study:
    try:
        storage = optuna.storages.get_storage(_storage(source))
        names = [one.study_name for one in storage.get_all_studies()]
    except Exception as error:  # of any driver of a database, none of them a class of Optuna's
        said = _shown(str(error).splitlines()[0])
        raise InputError(
            f"{_shown(source)}: is no storage that Optuna can open ({type(error).__name__}: {said}). Give the URL that "
            "the study was made with, as sqlite:///study.db, or the file of a journal."
        ) from error
    if not names:
        raise InputError(f"{_shown(source)}: holds no study. Check the path.")
    if name is None and len(names) > 1:
        raise InputError(
            f"{_shown(source)}: holds {plural(len(names), 'study')}: {', '.join(names)}. Say which: --study NAME."
        )
    if name is not None and name not in names:
        raise InputError(f"{_shown(source)}: holds no study {name!r}. {nearest(name, names)}")
    return optuna.load_study(study_name=name or names[0], storage=storage)


def _shown(source: str) -> str:
    """A source without its password."""
    return PASSWORD.sub(r"\1:***@", source)


def _storage(source: str) -> str | BaseStorage:
    """What Optuna takes for a storage: a URL, or a journal. A SQLite file that is not there is not made."""
    if "://" in source:
        prefix, _, path = source.partition(":///")
        if prefix.startswith("sqlite") and not Path(path.partition("?")[0]).is_file():
            raise FileNotFoundError(f"there is no file {path}")
        return source
    with Path(source).open("rb") as file:
        is_sqlite = file.read(len(SQLITE_HEADER)) == SQLITE_HEADER
    return f"sqlite:///{source}" if is_sqlite else JournalStorage(JournalFileBackend(source))


def _sampler(study: optuna.Study, trials: Sequence[FrozenTrial]) -> str:
    """The sampler that left its attributes, else Optuna's usual one."""
    attributes = {key for trial in trials for key in trial.system_attrs} | study._storage.get_study_system_attrs(
        study._study_id
    ).keys()
    found = [sampler for trace, sampler in TRACES.items() if any(key.startswith(trace) for key in attributes)]
    return found[0] if found else USUAL


def _states(trials: Sequence[FrozenTrial]) -> str:
    counts = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    return ", ".join(f"{count} {state.name.lower()}" for state, count in counts.items() if count)


def _take_axes(found: Definition, trials: Sequence[FrozenTrial]) -> None:
    names = list(dict.fromkeys(name for trial in trials for name in trial.distributions))
    for name in names:
        known = list(dict.fromkeys(trial.distributions[name] for trial in trials if name in trial.distributions))
        axis = _on_grid(name, trials) if found.method == GRID else _joined(known)
        if axis.choices is not None and len(axis.choices) == 1:
            found.constants[name] = axis.choices[0]
            continue
        if len(known) > 1:
            found.remark("space", name, text=f"It had {plural(len(known), 'distribution')}; this one holds them all.")
        found.axes[name] = axis
    for name, axis in found.axes.items():
        having = [trial for trial in trials if name in trial.params]
        lacking = [trial for trial in trials if name not in trial.params]
        if not lacking:
            continue
        when = _condition(names[: names.index(name)] + names[names.index(name) + 1 :], found.axes, having, lacking)
        if when:
            found.axes[name] = axis.model_copy(update={"when": when})
            text = f"`when` tells {plural(len(having), 'trial')} with it from {plural(len(lacking), 'trial')} without."
        else:
            text = (
                f"{plural(len(lacking), 'trial')} did not have it, and no other parameter says when: here all have it."
            )
        found.remark("space", name, text=text)
    _write_conditional_booleans(found)


def _write_conditional_booleans(found: Definition) -> None:
    """Make texts of the booleans of conditional parameters: one that is false would be left out of the command."""
    texts = {
        name: {value: str(value) for value in axis.choices if isinstance(value, bool)}
        for name, axis in found.axes.items()
        if axis.when and axis.choices
    }

    def written(name: str, values: list[Any]) -> list[Any]:
        return [texts[name][value] if isinstance(value, bool) and name in texts else value for value in values]

    for name, axis in found.axes.items():
        choices = axis.choices and written(name, axis.choices)
        when = {other: written(other, allowed) for other, allowed in axis.when.items()}
        found.axes[name] = axis.model_copy(update={"choices": choices, "when": when})


def _on_grid(name: str, trials: Sequence[FrozenTrial]) -> Dimension:
    """The values of a parameter in the grid, which are not in its distribution."""
    listed = [trial.system_attrs.get("search_space", {}).get(name, []) for trial in trials]
    values = [value for one in listed for value in one] or [trial.params[name] for trial in trials]
    return Dimension(choices=sorted(set(values), key=values.index))


def _joined(known: Sequence[BaseDistribution]) -> Dimension:
    """One dimension for all distributions that a parameter had."""
    if any(isinstance(one, CategoricalDistribution) for one in known):
        choices: list[Any] = []
        for one in known:
            values = one.choices if isinstance(one, CategoricalDistribution) else (one.low, one.high)
            choices += [value for value in values if not any(same(value, other) for other in choices)]
        return Dimension(choices=choices)
    first = known[0]
    steps = {one.step for one in known}
    return numbers(
        min(one.low for one in known),
        max(one.high for one in known),
        log=first.log,
        step=first.step if len(steps) == 1 else None,
        integer=isinstance(first, IntDistribution),
    )


def _condition(
    names: Sequence[str], axes: dict[str, Dimension], having: Sequence[FrozenTrial], lacking: Sequence[FrozenTrial]
) -> dict[str, list[Any]]:
    """A choice whose values tell trials that have a parameter from those that lack it; empty where there is none."""
    for name in names:
        if name not in axes or axes[name].choices is None:
            continue
        if not all(name in trial.params for trial in having):
            continue
        with_it = [value for value in axes[name].choices if any(same(trial.params[name], value) for trial in having)]
        without = [trial.params[name] for trial in lacking if name in trial.params]
        if without and not any(same(value, other) for value in with_it for other in without):
            return {name: with_it}
    return {}


def _take_epochs(found: Definition, ended: Sequence[FrozenTrial]) -> None:
    """Epochs from the values that trials reported on their way."""
    steps = [step for trial in ended if trial.state is TrialState.COMPLETE for step in trial.intermediate_values]
    if steps and nearest_to_root([*found.axes, *found.constants], Role.EPOCHS) is None:
        found.epochs = max(steps) + (min(steps) == 0)
        found.remark("epochs", text="Taken from the steps at which trials reported values.")


def _take_results(found: Definition, way: StudyDirection, trials: Sequence[FrozenTrial]) -> None:
    """The best trials in words, as a comment on the space."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    ranked = sorted(complete, key=lambda trial: trial.values[0], reverse=way is StudyDirection.MAXIMIZE)[:BEST]
    for trial in ranked:
        setting = ", ".join(f"{name}={value_in_words(value)}" for name, value in trial.params.items())
        found.remark("sweep", "space", text=f"Trial {trial.number} had {number(trial.values[0])} with {setting}.")

"""What decisions rest on, and which of them still hold when that changes."""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from segsweep.config.racing import race_in
from segsweep.config.settings import Component, Settings
from segsweep.config.study import Study
from segsweep.hashing import short_hash
from segsweep.planning.budget_ledger import shown
from segsweep.search import racing
from segsweep.search.retraining import retrains
from segsweep.search.step_files import RequestedRun, State, awaited

# How trials follow each other: steps of searches that went on in batches hold no more.
PIPELINED = "trial after trial"
# Which epochs chosen cells train: steps that do not hold it took those of the study for all.
OWN_EPOCHS = "epochs of each cell"


def settings_digest(study: Study) -> str:
    """Digest of all settings that decisions of the search phase depend on: `trials` is not one of them.

    As in addresses, keys at their defaults are left out, so that a new one makes no step void. A sampler or pruner of
    a person's own counts with its code.
    """
    sweep = OWN_EPOCHS
    if study.sweep is not None:
        sweep = [PIPELINED, _differing(study.sweep, exclude={"trials"})]
        parts = (study.sweep.sampler, study.sweep.pruner)
        sweep += [[part.name, part.revision] for part in parts]
        sweep += [_code_of(part) for part in parts if part.own]
    folds = study.folds.model_dump(mode="json") if study.folds else None
    values = [sweep, study.metric, study.minimize, study.seeds, folds, study.total_epochs]
    if study.race is not None:
        values[3:4] = [[study.race.first, study.race.start], study.matters]
    values += [[*study.objectives.items()]] if study.objectives else []  # samplers are told them in this order
    return short_hash(json.dumps(values, sort_keys=True))


def basis_of(segments: Iterable[str]) -> str:
    """Stands for the runs of a study without sweep, by their last segments: its first decision looks at all of them."""
    return short_hash(sorted(segments))


def phase_inputs(study: Study, phase: str) -> dict[str, Any]:
    """What a state after the search depends on besides: the number of trials, and the sections up to its phase."""
    inputs: dict[str, Any] = {"trials": study.sweep.trials if study.sweep else None}
    inputs["confirm"] = _differing(study.confirm) if study.confirm else None
    if study.confirm and (race := race_in(study.confirm.seeds)):
        inputs["confirm"] |= {"seeds": [race.first, race.start], "matters": study.matters}
    if phase != "confirm":
        # Method and votes change what is made of the members, not which are trained.
        inputs["ensemble_folds"] = [study.ensemble.folds, study.ensemble.score_on] if study.ensemble else None
    if phase in ("retrain", "done") and retrains(study):
        inputs["retrain"] = study.test.of
    return inputs


def valid_steps(
    study: Study,
    states: list[State],
    segments_of: Callable[[RequestedRun], Collection[str]] | None = None,
    lineage: dict[str, Any] | None = None,
    basis: str | None = None,
) -> int:
    """How many of the first steps still hold for the study as it is now.

    Search steps hold as long as no setting of the search changed; raising `trials`, or `at_most` of a race, changes
    none. Later ones depend on the number of trials and on `confirm`, `ensemble` and `test` too, and one in which the
    study's budget had a say, and all that follow it, on the budget. No step holds after one that does not.

    Args:
        study: after `smoke`.
        states: in order from step 0.
        segments_of: ids of the segments of a requested run as it is planned now; if given, a step whose results came
            from other segments (the base setting, the data or the code changed) does not hold.
        basis: stands for the segments of a study without sweep as they are now; if given, no step holds that began with
            others.
        lineage: what narrows the study's space now; if given, no step holds whose space was narrowed otherwise.
    """
    digest = settings_digest(study)
    if lineage is not None and states and states[0].get("lineage") != lineage:
        return 0
    if basis is not None and states and states[0].get("basis") != basis:
        return 0
    for number, state in enumerate(states):
        if state.get("settings") != digest or state["step"] != number:
            return number
        if not racing.still_holds(study, state):
            return number
        if study.sweep is not None and len(state["trials"]) > study.sweep.trials:
            return number
        if "budget" in state and state["budget"] != (study.budget and shown(study.budget)):
            return number
        phase = state["phase"]
        if phase not in ("search", "race") and state["phase_inputs"] != phase_inputs(study, phase):
            return number
        if segments_of is not None and number:
            looked_at = {run["key"]: run for run in awaited(states[number - 1])}
            if any(segment not in segments_of(looked_at[key]) for key, segment in state["evidence"].items()):
                return number
    return len(states)


def _code_of(component: Component) -> str:
    """Hash of the own code that a component reaches."""
    # Of use to few studies, and it reads syntax trees.
    from segsweep.planning.code_fingerprint import Code
    from segsweep.planning.study_context import component_roots

    return Code().fingerprint(component_roots(component))


def _differing(settings: Settings, exclude: set[str] | None = None) -> dict[str, Any]:
    """The keys that differ from their defaults."""
    return settings.model_dump(mode="json", exclude=exclude, exclude_defaults=True)

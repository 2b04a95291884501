"""Step files: what the file of a decision holds, where it lies, how it is read and written.

A file holds its own decision, and of the rest of the state only what differs from the step before: a search of a
thousand trials takes as many decisions, and their files together some 20 megabytes: a record of a rung names all trials
compared.
"""

import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from segsweep.disk_errors import refused_by_disk
from segsweep.errors import InputError
from segsweep.io import read_json, write_text
from segsweep.search.space import Values


class RungScore(TypedDict):
    """The best score of a trial up to the epoch of a rung; None if the trial failed before it.

    `runs` are those of its runs, where the pruner compares them.
    """

    epoch: int
    score: float | None
    runs: NotRequired[list[float]]


class Trial(TypedDict):
    """A cell that a sampler proposed.

    `proposed` and `ended` are the steps that proposed it and saw its end (None before it), `start` is where the clock
    of the search, in epochs, stood at its proposal. `epochs` were granted so far, `trained` were spent over all seeds
    and folds. `score` is the mean over its runs of the best score so far; `best_epoch` is None where there are several
    runs. `objectives` are the means of a study that has several, None where a run lacks one. `status`: `running`,
    `finished`, `early_stopped`, `pruned`, `diverged` or `oom`. `budget` names the part of the study's budget that ended
    it, of one that was pruned so.
    """

    trial: int
    proposed: int
    ended: int | None
    start: int
    bracket: int
    values: Values
    status: str
    total_epochs: int
    epochs: int
    trained: int
    score: float | None
    best_epoch: int | None
    rungs: list[RungScore]
    objectives: NotRequired[dict[str, float | None]]
    budget: NotRequired[str]


class RequestedRun(TypedDict):
    """A run that a decision asks for, up to `epochs` of `total_epochs`.

    `key` names it within the study: a trial's run has the same key at each of its rungs. `role` is `trial`, `race`,
    `confirm`, `ensemble` or `retrain`. `cell` is there where the study has no sweep, and of the latter. `due` of a
    trial's run is where the clock of the search, in epochs, stands when it is looked at.
    """

    key: str
    role: str
    trial: int | None
    set: Values
    seed: int
    fold: dict[str, Any] | None
    epochs: int
    total_epochs: int
    cell: NotRequired[str]
    due: NotRequired[int]


class Candidate(TypedDict):
    """A setting that may be confirmed: a trial of a sweep, or a cell of a study without one.

    `epochs` are those of the runs of a cell: `set` holds only what differs between cells.
    """

    set: Values
    score: float | None
    trial: NotRequired[int]
    cell: NotRequired[str]
    epochs: NotRequired[int]
    objectives: NotRequired[dict[str, float | None]]


class Entrant(Candidate):
    """A setting in a race.

    `scores` are of its runs ({key, seed, fold, status, score}), in the order of its seeds. `standing` is `racing`,
    `behind` (the setting `by`, which was first when it was dropped), `no_gain` (it cannot be better than `by` by more
    than `matters`), or `failed` (a run of it did).
    """

    scores: list[dict[str, Any]]
    seeds: int
    standing: str
    by: str | None


class Race(TypedDict):
    """A race after `round` rounds: its seeds so far, `first` as index of an entrant, and why it `ended`, if it did."""

    round: int
    seeds: list[int]
    entrants: list[Entrant]
    first: int | None
    ended: str | None


class ConfirmedSetting(Candidate):
    """A setting with its confirming runs.

    `scores` are of its runs ({key, seed, fold, status, score}); `mean` is None if none has a score; `failed` counts
    those that failed, or have none; those that the budget left out are none of them.
    """

    search_rank: int
    search_score: float | None
    scores: list[dict[str, Any]]
    mean: float | None
    failed: int
    rank: int


class BestSetting(Candidate):
    """The best setting so far; `phase` says which one found it, `search` or `confirm`."""

    phase: str


ORIGIN = ("trial", "cell", "epochs", "set")  # of a candidate: what it is, without how it did
RACE = "race"  # role of a run of a further seed: in tables it has that of its cell
BEHIND = "behind"  # steps of earlier versions say `worse`
DROPPED = (BEHIND, "no_gain")  # standings of settings that get no further seed because of others
IN_ALL_STATES = {"step", "done"}
# What a step file says itself; the rest of a state is that of the step before where it does not say otherwise.
OF_STEP = (*IN_ALL_STATES, "phase", "evidence", "requested", "awaited", "log")


class State(TypedDict, total=False):
    """The content of a step file.

    `phase` is `search`, `race`, `confirm`, `ensemble`, `retrain` or `done`: what the requested runs are for. The next
    decision looks at those that are `awaited`, which may have been requested by an earlier step. `races` are by what
    races: `seeds` of the study, or of `confirm`. `settings` is a digest of what the search depends on, `phase_inputs`
    what the later phases depend on besides. `evidence` names the segments whose results were used, by key of the run;
    `basis` stands for those of a study without sweep, which its first step looks at. `log` holds this step's decisions
    only, each with its `kind`. `budget` is there from the first decision on in which the study's budget had a say.
    """

    step: int
    phase: str
    done: bool
    settings: str
    evidence: dict[str, str]
    basis: str
    trials: list[Trial]
    requested: list[RequestedRun]
    awaited: list[RequestedRun]
    log: list[dict[str, Any]]
    races: dict[str, Race]
    lineage: dict[str, Any]
    space: dict[str, Any]
    phase_inputs: dict[str, Any]
    candidates: list[Candidate]
    confirmed: list[ConfirmedSetting]
    best: BestSetting | None
    budget: dict[str, Any]


def step_file(folder: Path, step: int) -> Path:
    """The file of a step in results/<study>/sweep."""
    return folder / f"step_{step:03d}.json"


def read_steps(folder: Path) -> list[State]:
    """The states of steps 0, 1, ... as far as they go without a gap.

    A damaged file counts as none: the same decision is made again from the same results.

    Raises:
        InputError: the disk does not give one back.
    """
    states: list[State] = []
    while _is_state(content := _read(step_file(folder, len(states)))) and content["step"] == len(states):
        states.append(_after(states[-1], content) if states else content)
    return states


def states_up_to(file: Path) -> list[State]:
    """The states up to the decision of a file, which those before it lie beside.

    Raises:
        InputError: the file cannot be read, or one before it is gone.
    """
    step = read_json(file)["step"]
    states = read_steps(file.parent)
    if len(states) <= step:
        lost = step_file(file.parent, len(states))
        raise InputError(
            f"{lost}: is gone or damaged, and {file.name} goes on from it. Start Snakemake again: it is decided again."
        )
    return states[: step + 1]


def awaited(state: State) -> list[RequestedRun]:
    """The runs that the next decision looks at; steps from before searches were pipelined look at all they request."""
    return state["awaited"] if "awaited" in state else state["requested"]


def _after(before: State, content: State) -> State:
    """The state of a step, from that of the step before and what its file holds."""
    trials = {trial["trial"]: trial for trial in [*before.get("trials", []), *content.get("trials", [])]}
    return before | content | {"trials": list(trials.values())}


def _news(before: State, state: State) -> State:
    """What a step file holds after another."""
    changed = {name: value for name, value in state.items() if name in OF_STEP or before.get(name) != value}
    if "trials" in changed:
        known = {trial["trial"]: trial for trial in before.get("trials", [])}
        changed["trials"] = [trial for trial in state["trials"] if trial != known.get(trial["trial"])]
    return changed


def _read(file: Path) -> Any:
    try:
        return _with_standings_of_now(read_json(file))
    except InputError as error:
        if refused_by_disk(error):
            raise
        return None


def _with_standings_of_now(content: Any) -> Any:
    """A step with `worse` of earlier versions as `behind`: that a setting is worse was more than a race shows."""
    if not _is_state(content):
        return content
    entrants = [one for race in content.get("races", {}).values() for one in race["entrants"]]
    recorded = [one for record in content.get("log", []) for one in record.get("standings", [])]
    for one in (*entrants, *recorded):
        one["standing"] = BEHIND if one["standing"] == "worse" else one["standing"]
    return content


def _is_state(content: Any) -> bool:
    return isinstance(content, dict) and content.keys() >= IN_ALL_STATES


def as_text(values: Any) -> str:
    """JSON with sorted keys: the same values are the same bytes."""
    return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_step(file: Path, state: State, before: State | None = None) -> None:
    """Write the file of a step; `before` is the state of the step before, of which it says only what is new."""
    write_text(file, as_text(_news(before, state) if before else state), flush=True)

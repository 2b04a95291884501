"""The runs that a decision requests."""

from typing import Any

from segsweep.config.study import Study
from segsweep.search.space import Values
from segsweep.search.step_files import RACE, Candidate, Entrant, RequestedRun, Trial

Fold = dict[str, Any]


def total_epochs(study: Study, values: Values) -> int:
    """Epochs of a full training with these values."""
    return int(values.get("epochs", study.total_epochs))


def epochs_of(study: Study, chosen: Candidate) -> int:
    """Epochs of a full training of a chosen setting: of a cell those of its own runs."""
    return chosen["epochs"] if "epochs" in chosen else total_epochs(study, chosen["set"])


def shortest_epochs(study: Study) -> int:
    """Epochs of the shortest trial that a search may have."""
    epochs = study.sweep.space.get("epochs")
    return study.total_epochs if epochs is None else int(min(epochs.choices or [epochs.low]))


def folds_of(study: Study) -> list[Fold | None]:
    """The folds of the study's cross-validation, on training and validation images together; [None] without it."""
    return _folds(study.folds.k, study.folds.seed, "train+val") if study.folds else [None]


def folds_of_ensemble(study: Study) -> list[Fold]:
    """A fold for each member, so drawn that no member sees the split that all are scored on.

    `study.ensemble.score_on` is set: see `segsweep.config.load`.
    """
    within = "train+val" if study.ensemble.score_on == "test" else "train"
    return _folds(study.ensemble.folds, study.folds.seed if study.folds else 0, within)


def _folds(k: int, seed: int, within: str) -> list[Fold]:
    return [{"index": index, "k": k, "seed": seed, "within": within} for index in range(k)]


def replicates(study: Study, seeds: list[int]) -> list[tuple[int, Fold | None]]:
    """(seed, fold) of each run of a setting: every seed, on every fold if the study has folds."""
    return [(seed, fold) for seed in seeds for fold in folds_of(study)]


def due(trial: Trial) -> int:
    """Where the clock of a search, in epochs, stands when a trial comes to its next rung, or its end."""
    return trial["start"] + trial["epochs"]


def trial_runs(study: Study, trial: Trial) -> list[RequestedRun]:
    """The runs of a trial, up to the epochs that it was granted."""
    return [
        {
            "key": _key("trial", f"{trial['trial']:03d}", seed, fold),
            "role": "trial",
            "trial": trial["trial"],
            "set": trial["values"],
            "seed": seed,
            "fold": fold,
            "epochs": trial["epochs"],
            "total_epochs": trial["total_epochs"],
            "due": due(trial),
        }
        for seed, fold in replicates(study, study.first_seeds)
    ]


def confirming_runs(study: Study, chosen: Candidate, seeds: list[int]) -> list[RequestedRun]:
    """A setting in full on seeds of `confirm`."""
    epochs = study.confirm.epochs or epochs_of(study, chosen)
    return _runs_on(study, chosen, seeds, "confirm", epochs)


def racing_runs(study: Study, entrant: Entrant, seeds: list[int]) -> list[RequestedRun]:
    """A cell in full on further ones of the study's seeds."""
    return _runs_on(study, entrant, seeds, RACE, entrant["epochs"])


def _runs_on(study: Study, setting: Candidate, seeds: list[int], role: str, epochs: int) -> list[RequestedRun]:
    return [
        _origin(setting, _key(role, name_of(setting), seed, fold), role)
        | {"seed": seed, "fold": fold, "epochs": epochs, "total_epochs": epochs}
        for seed, fold in replicates(study, seeds)
    ]


def member_runs(study: Study, chosen: Candidate) -> list[RequestedRun]:
    """The members of an ensemble: the setting in full, once for each fold."""
    epochs = epochs_of(study, chosen)
    return [
        _origin(chosen, f"ensemble-{name_of(chosen)}-f{fold['index']}", "ensemble")
        | {"seed": study.first_seeds[0], "fold": fold, "epochs": epochs, "total_epochs": epochs}
        for fold in folds_of_ensemble(study)
    ]


def _origin(chosen: Candidate, key: str, role: str) -> dict[str, Any]:
    origin = {"key": key, "role": role, "trial": chosen.get("trial"), "set": chosen["set"]}
    return origin | ({"cell": chosen["cell"]} if "cell" in chosen else {})


def name_of(chosen: Candidate) -> str:
    """What keys of runs call a setting: a cell, or a trial by its number."""
    return chosen["cell"] if "cell" in chosen else f"{chosen['trial']:03d}"


def key_of(role: str, name: str) -> str:
    """What the keys of a setting's runs begin with."""
    return f"{role}-{name}"


def _key(role: str, name: str, seed: int, fold: Fold | None) -> str:
    return f"{key_of(role, name)}-s{seed}" + (f"-f{fold['index']}" if fold else "")

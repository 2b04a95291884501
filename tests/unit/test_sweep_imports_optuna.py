"""Studies of Optuna become studies: their distributions, and what their trials tell of the rest."""

import optuna
import pytest
from optuna.samplers import CmaEsSampler, GridSampler, QMCSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from segsweep.errors import InputError
from segsweep.sweep_imports.sources import Given, read_definition
from tests.imported_sweeps import planned_study

PROGRAM = "import click\n@click.option('--num-epochs', default=9)\ndef main(): pass\n"


@pytest.fixture
def journal(tmp_path):
    return JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))


@pytest.fixture
def imported(tmp_path):
    """A function that imports a study and gives that of segsweep, and the text of its file."""

    (tmp_path / "train.py").write_text(PROGRAM)

    def run(source=tmp_path / "journal.log", **given):
        given.setdefault("program", tmp_path / "train.py")
        return planned_study(read_definition(str(source), Given(**given)), tmp_path)

    return run


def optimized(storage, objective, trials=6, **settings):
    study = optuna.create_study(storage=storage, **settings)
    study.optimize(objective, n_trials=trials)


def train(trial):
    """An objective with a parameter that only one optimizer has, and five epochs."""
    rate = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    if trial.suggest_categorical("optimizer", ["adam", "sgd"]) == "sgd":
        trial.suggest_float("momentum", 0.5, 0.99)
    trial.suggest_int("layers", 1, 3)
    trial.suggest_int("batch", 8, 64, step=8)
    trial.suggest_float("drop", 0.0, 0.5, step=0.1)
    for step in range(5):
        trial.report(rate * step, step)
    return rate


def test_a_database(imported, tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optimized(url, train, 12, study_name="tune", direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    for source in (url, tmp_path / "study.db"):
        study, text = imported(source)
        assert (study.name, study.minimize, study.epochs) == ("tune", False, 5)
        assert {name: axis.model_dump(exclude_defaults=True) for name, axis in study.sweep.space.items()} == {
            "lr": {"low": 1e-5, "high": 0.1, "log": True},
            "optimizer": {"choices": ["adam", "sgd"]},
            "momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer": ["sgd"]}},
            "layers": {"low": 1, "high": 3, "integer": True},
            "batch": {"low": 8, "high": 64, "step": 8, "integer": True},
            "drop": {"low": 0.0, "high": 0.5, "step": 0.1},
        }
        assert (study.sweep.sampler.name, study.sweep.trials) == ("tpe", 12)
        assert study.parameters["momentum"] is None
        assert "{momentum:--momentum={momentum}}" in study.command
        assert "# Trial" in text


def test_a_conditional_parameter_that_is_false_is_passed_on(imported, journal):
    def objective(trial):
        is_sgd = trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd"
        if is_sgd and trial.suggest_categorical("nesterov", [True, False]):
            trial.suggest_float("momentum", 0.5, 0.9)
        return 0.0

    sampler = optuna.samplers.RandomSampler(seed=0)
    optimized(journal, objective, 12, study_name="s", sampler=sampler)
    study, _ = imported()
    assert study.sweep.space["nesterov"].model_dump(exclude_defaults=True) == {
        "choices": ["True", "False"],
        "when": {"optimizer": ["sgd"]},
    }
    assert study.sweep.space["momentum"].when == {"nesterov": ["True"]}
    assert "{nesterov:--nesterov={nesterov}}" in study.command


def test_epochs_that_are_a_parameter_are_not_taken_from_steps(imported, journal):
    def objective(trial):
        for step in range(trial.suggest_int("epochs", 2, 4)):
            trial.report(1.0, step)
        return 1.0

    optimized(journal, objective, 3, study_name="s")
    study, text = imported()
    assert study.epochs == 4
    assert "Taken from the steps" not in text


def test_a_password_is_not_shown():
    with pytest.raises(InputError, match=r"^nosuchdb://me:\*\*\*@host/db: is no storage") as raised:
        read_definition("nosuchdb://me:s3cret:4@host/db", Given())
    assert "s3cret" not in str(raised.value)


def test_the_program_of_a_study(imported, journal, tmp_path):
    optimized(journal, lambda trial: trial.suggest_float("lr", 0, 1), study_name="s")
    study, _ = imported()
    assert study.command == f"python {tmp_path}/train.py --lr={{lr}} --num-epochs={{epochs}}"
    assert study.epochs == 9


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [(GridSampler({"x": [0, 1.5]}), "grid"), (CmaEsSampler(seed=1), "cmaes"), (QMCSampler(seed=1), "qmc")],
)
def test_samplers_are_known_by_what_they_leave_in_trials(imported, journal, sampler, expected):
    objective = (lambda trial: trial.suggest_float("x", 0, 2)) if expected == "grid" else _two_floats
    optimized(journal, objective, 4, sampler=sampler, study_name="s")
    study, _ = imported()
    assert study.grid == {"x": [0, 1.5]} if expected == "grid" else study.sweep.sampler.name == expected


def _two_floats(trial):
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)


def test_ranges_that_changed_and_parameters_that_come_and_go(imported, journal):
    def objective(trial):
        if trial.number % 2:
            trial.suggest_float("y", 0.0, 1.0)
        trial.suggest_categorical("fixed", ["a"])
        return trial.suggest_float("x", 0.0, 1.0 + trial.number)

    optimized(journal, objective, 4, study_name="s")
    study, text = imported()
    assert (study.sweep.space["x"].low, study.sweep.space["x"].high) == (0, 4)
    assert "4 distributions" in text
    assert not study.sweep.space["y"].when
    assert "2 trials did not have it" in text
    assert study.parameters["fixed"] == "a"


def test_several_objectives(imported, journal):
    optimized(journal, lambda trial: (trial.suggest_float("x", 0, 1), 1), directions=["minimize", "maximize"])
    study, text = imported()
    assert study.minimize
    assert "2 objectives" in text


def test_pruned_trials(imported, journal):
    def objective(trial):
        value = trial.suggest_float("x", 0, 1)
        for step in range(1, 5):
            trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned
        return value

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1)
    optimized(journal, objective, 8, pruner=pruner, study_name="s")
    assert "# pruner: {name: hyperband}" in imported()[1]
    assert imported(resume="--resume {out}")[0].sweep.pruner.name == "hyperband"


def test_what_is_wrong_is_said(imported, journal, tmp_path):
    optuna.create_study(storage=journal, study_name="first")
    with pytest.raises(InputError, match="first has no trials"):
        imported()
    optuna.create_study(storage=journal, study_name="second")
    with pytest.raises(InputError, match=r"holds 2 studies: first, second.*--study NAME"):
        imported()
    with pytest.raises(InputError, match=r"no study 'secnd'. Did you mean 'second'"):
        imported(study="secnd")
    with pytest.raises(InputError, match=r"there is no file .*none.db"):
        imported(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "notes.txt").write_text("nothing\nat all\n")
    with pytest.raises(InputError, match="no storage that Optuna can open"):
        imported(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"no such file.*W&B.*Hydra"):
        imported(tmp_path / "nothing.yaml")

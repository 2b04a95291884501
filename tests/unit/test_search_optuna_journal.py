"""The trials of a search as Optuna reads them back."""

from dataclasses import replace

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from segsweep.config.study import Study
from segsweep.search.optuna_journal import JOURNAL, write_journal
from segsweep.store.segment_store import SegmentStore
from tests.unit.test_search_files import planned, write_segment

SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "weight": {"low": 0.0, "high": 1.0, "step": 0.3},
    "batch_size": {"low": 2, "high": 9, "integer": True, "step": 2},
    "loss.main": [{"cross_entropy": 1.0}, {"focal": 1.0}],
    "gamma": {"low": 1.0, "high": 3.0, "when": {"loss.main": [{"focal": 1.0}]}},
}
CROSS_ENTROPY = {"optimizer.lr": 1e-3, "weight": 0.9, "batch_size": 4, "loss.main": {"cross_entropy": 1.0}}
FOCAL = CROSS_ENTROPY | {"loss.main": {"focal": 1.0}, "gamma": 2.0}


def trial(number, status, score, epochs, values):
    return {
        "trial": number, "batch": number // 2, "bracket": 0, "values": values, "status": status, "total_epochs": 2,
        "epochs": epochs, "trained": 2 * epochs, "score": score, "best_epoch": None, "rungs": [],
    }  # fmt: skip


@pytest.fixture
def found(tmp_path):
    """The study as Optuna loads it: trials that were finished, pruned, failed, and one that runs."""
    store = SegmentStore(tmp_path / "segments")
    runs = []
    segments = {"0": ([5, 7], [3, 9]), "1": ([4], [2]), "2": ([None], [6])}
    for number, seeds in segments.items():
        for seed, hits in enumerate(seeds):
            name = f"{number}{seed}".rjust(16, "0") + f"-{len(hits):04d}"
            write_segment(store, name, 1, len(hits), hits, "diverged" if number == "2" and not seed else "finished")
            runs.append((f"trial-00{number}-s{seed}", f"c{number}-s{seed}", len(hits), [name]))
    study = Study.model_validate(
        {"name": "s", "metric": "val/hmean", "train": {"epochs": 2}, "seeds": [0, 1]}
        | {"sweep": {"trials": 4, "space": SPACE}}
    )
    plan = replace(planned(*runs), study=study.model_dump(mode="json", by_alias=True))
    trials = [
        trial(0, "finished", 0.8, 2, CROSS_ENTROPY),
        trial(1, "pruned", 0.3, 1, FOCAL),
        trial(2, "diverged", None, 1, FOCAL | {"gamma": 3.0}),
        trial(3, "running", None, 1, FOCAL | {"gamma": 1.0}),
    ]
    for _ in range(2):  # the second time it replaces what is there
        write_journal([{"trials": trials}], plan, store, tmp_path / JOURNAL)
    assert sorted(path.name for path in tmp_path.iterdir()) == [JOURNAL, "segments"]
    return optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(tmp_path / JOURNAL))))


def test_states_scores_and_curves(found):
    finished, pruned, failed, running = found.get_trials()
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    assert [one.state for one in (finished, pruned, failed, running)] == states
    assert (finished.value, pruned.value, failed.values) == (0.8, 0.3, None)
    # Means over the two seeds: of tenths.
    assert finished.intermediate_values == {1: pytest.approx(0.4), 2: pytest.approx(0.8)}
    assert pruned.intermediate_values == {1: pytest.approx(0.3)}
    assert running.intermediate_values == {}
    assert failed.user_attrs["status"] == "diverged"
    assert finished.user_attrs["runs"] == ["c0-s0", "c0-s1"]
    assert found.best_trial.number == 0
    assert found.metric_names == ["val/hmean"]
    assert finished.datetime_start <= finished.datetime_complete


def test_values_and_distributions(found):
    finished, pruned, *_ = found.get_trials()
    assert finished.params == CROSS_ENTROPY | {"loss.main": '{"cross_entropy": 1.0}'}
    assert pruned.params["loss.main"] == '{"focal": 1.0}'
    assert "gamma" not in finished.params
    distributions = pruned.distributions
    assert distributions["optimizer.lr"] == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
    assert distributions["weight"] == optuna.distributions.FloatDistribution(0.0, 0.9, step=0.3)
    assert distributions["batch_size"] == optuna.distributions.IntDistribution(2, 8, step=2)
    assert distributions["gamma"] == optuna.distributions.FloatDistribution(1.0, 3.0)

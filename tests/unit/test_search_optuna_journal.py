"""The trials of a search as Optuna reads them back."""

import os
from dataclasses import replace

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from segsweep.config.study import Study
from segsweep.search.optuna_journal import JOURNAL, write_journal
from segsweep.search.step_files import step_file, write_step
from segsweep.store.segment_store import SegmentStore
from tests.faults.strays import Stray
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
        "trial": number, "proposed": number // 3, "ended": None, "start": 0, "bracket": 0, "values": values,
        "status": status, "total_epochs": 2,
        "epochs": epochs, "trained": 2 * epochs, "score": score, "best_epoch": None, "rungs": [],
    }  # fmt: skip


class Search:
    """Two decisions of a search, and what was trained: trials that finished, were pruned, failed, and one that runs."""

    def __init__(self, folder):
        self.folder, self.journal = folder, folder / JOURNAL
        self.store = SegmentStore(folder / "segments")
        runs = []
        segments = {"0": ([5, 7], [3, 9]), "1": ([4], [2]), "2": ([None], [6])}
        for number, seeds in segments.items():
            for seed, hits in enumerate(seeds):
                name = f"{number}{seed}".rjust(16, "0") + f"-{len(hits):04d}"
                write_segment(
                    self.store, name, 1, len(hits), hits, "diverged" if number == "2" and not seed else "finished"
                )
                runs.append((f"trial-00{number}-s{seed}", f"c{number}-s{seed}", len(hits), [name]))
        study = Study.model_validate(
            {"name": "s", "metric": "val/hmean", "train": {"epochs": 2}, "seeds": [0, 1]}
            | {"sweep": {"trials": 4, "space": SPACE}}
        )
        self.plan = replace(planned(*runs), study=study.model_dump(mode="json", by_alias=True))
        begun = [
            trial(0, "running", None, 2, CROSS_ENTROPY),
            trial(1, "running", None, 1, FOCAL),
            trial(2, "running", None, 1, FOCAL | {"gamma": 3.0}),
        ]
        ended = [
            trial(0, "finished", 0.8, 2, CROSS_ENTROPY),
            trial(1, "pruned", 0.3, 1, FOCAL),
            trial(2, "diverged", None, 1, FOCAL | {"gamma": 3.0}),
            trial(3, "running", None, 1, FOCAL | {"gamma": 1.0}),
        ]
        looked_at = [{"trial": one} for one in range(3)]
        self.states = [
            {"step": 0, "phase": "search", "trials": begun, "awaited": looked_at},
            {"step": 1, "phase": "search", "trials": ended, "awaited": [{"trial": 3}]},
        ]
        for state in self.states:
            write_step(step_file(folder, state["step"]), state)

    def write(self, decisions=2):
        """The lines of the journal after so many decisions."""
        write_journal(self.states[:decisions], self.plan, self.store, self.folder)
        return self.journal.read_text(encoding="utf-8")

    def load(self):
        """The study as Optuna loads it."""
        return optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(self.journal))))


@pytest.fixture
def search(tmp_path):
    return Search(tmp_path)


@pytest.fixture
def found(search):
    search.write()
    return search.load()


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
    assert finished.params == CROSS_ENTROPY | {"loss.main": "cross_entropy"}
    assert pruned.params["loss.main"] == "focal"
    assert "gamma" not in finished.params
    distributions = pruned.distributions
    assert distributions["optimizer.lr"] == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
    assert distributions["weight"] == optuna.distributions.FloatDistribution(0.0, 0.9, step=0.3)
    assert distributions["batch_size"] == optuna.distributions.IntDistribution(2, 8, step=2)
    assert distributions["gamma"] == optuna.distributions.FloatDistribution(1.0, 3.0)


def test_a_journal_only_grows_and_who_reads_along_sees_it(search):
    search.states[0]["trials"][0]["epochs"] = 1  # a first rung that its run has passed since
    first = search.write(1)
    reader = search.load()
    assert [one.state for one in reader.get_trials()] == [TrialState.RUNNING] * 3
    assert reader.get_trials()[0].intermediate_values == {1: pytest.approx(0.4)}  # trained, and not yet judged
    second = search.write()
    assert second.startswith(first)
    assert len(second) > len(first)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    assert [one.state for one in reader.get_trials()] == states
    assert search.write() == second


def test_trials_are_told_as_they_end(search):
    whole = search.write(1)
    later = search.store.folder(search.plan.runs[2].segments[0])  # the first of trial 1
    hidden = later.rename(later.with_suffix(".hidden"))
    search.store = SegmentStore(search.folder / "segments")
    search.journal.unlink()
    part = search.write(1)
    assert whole.startswith(part)
    assert [len(one.intermediate_values) for one in search.load().get_trials()] == [2, 0, 0]
    hidden.rename(later)
    search.store = SegmentStore(search.folder / "segments")
    assert search.write(1) == whole


def test_a_segment_that_ends_while_the_journal_is_written_is_told(search):
    whole = search.write(1)
    later = search.store.folder(search.plan.runs[2].segments[0])
    hidden = later.rename(later.with_suffix(".hidden"))
    search.store = SegmentStore(search.folder / "segments")
    assert later.name not in search.store.complete  # as it was looked up before
    hidden.rename(later)
    search.journal.unlink()
    assert search.write(1) == whole


def test_whatever_is_there_ends_in_the_same_journal(search):
    whole = search.write()
    for length in range(0, len(whole), 97):
        search.journal.write_text(whole[:length], encoding="utf-8")
        assert search.write() == whole
    for other in (
        b"[]\n",
        b"3\n",
        b'"text"\n',
        b"\xff\xfe\n",
        b"\0" * 100,
        b"[" * 100_000 + b"\n",
        b'{"worker_id": []}\n',
    ):
        search.journal.write_bytes(other)
        assert search.write() == whole
    for kind in set(Stray) - {Stray.FOLDER}:
        search.journal.unlink()
        kind.lay(search.journal)
        assert search.write() == whole


def test_notes_of_others_stay_and_trials_of_others_do_not(search):
    search.write(1)
    search.load().set_user_attr("note", "watch trial 1")
    os.utime(step_file(search.folder, 0), (0, 0))  # as Snakemake touches it after its job
    noted = search.write()
    assert search.load().user_attrs["note"] == "watch trial 1"
    assert search.write() == noted
    search.load().ask()
    search.write()
    assert len(search.load().get_trials()) == 4

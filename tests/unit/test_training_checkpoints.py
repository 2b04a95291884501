"""What a training writes while it goes on: seldom, whole, and enough to resume with the same bits from any moment."""

import errno
import os
import random
import signal
from contextlib import contextmanager
from itertools import pairwise
from threading import Event

import pytest
import torch

from segsweep.disk_errors import refusal_of_disk
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.epoch_reports import add_report, drop_reports, read_reports
from segsweep.store.segment_store import SegmentStore
from segsweep.training import checkpointing
from segsweep.training import session as sessions
from segsweep.training.checkpointing import CheckpointWriter, HostBuffers
from tests.fakes import EncoderTask, GreedyTask, Tiny, segment_plan
from tests.unit.test_training_loop import MIXED, Scripted, after, content, files, kept, same, train

CPU = torch.device("cpu")
FROZEN = {"optimizer": {"name": "timm.lamb", "lr": 0.01, "freeze": {"until_epoch": 1}}, "precision": "fp16"}
SETTINGS = [(MIXED, None), (FROZEN, EncoderTask())]


class Killed(Exception):
    """Ends a training at once, as SIGKILL does."""


def end():
    raise Killed


def killed_at(call: int, kill=end):
    """A `should_stop` that ends the training when it is asked for that time."""
    count = iter(range(10**6))
    return lambda: next(count) == call and kill()


@contextmanager
def saves(when, monkeypatch, in_background=False):
    """States are saved where `when()` says so."""
    with monkeypatch.context() as patched:
        patched.setattr(CheckpointWriter, "is_due", lambda writer: writer.wait() or when())
        patched.setattr(os, "fsync", lambda handle: None)  # for power cuts, which these tests are not about
        if in_background:
            made = sessions.CheckpointWriter
            patched.setattr(sessions, "CheckpointWriter", lambda *given: made(*given[:-1], in_background=True))
        yield


@pytest.fixture(scope="module", params=SETTINGS, ids=["averaged", "frozen"])
def whole(request, tmp_path_factory):
    """A segment of three epochs with a task, and the folder of an undisturbed training."""
    settings, task = request.param
    segment, store = segment_plan(settings, last=3), tmp_path_factory.mktemp("whole")
    train(segment, store, task)
    return segment, task, store / segment.id


def assert_same(segment, store, undisturbed):
    folder = store / segment.id
    assert same(content(folder), content(undisturbed))
    assert same(files(folder), files(undisturbed))


def test_killed_at_twenty_moments_resumes_to_the_same_bits(tmp_path, whole, monkeypatch):
    """Ten with each setting, each killed twice; states are saved at random steps, by the training or by a thread."""
    segment, task, undisturbed = whole
    drawn = random.Random(0)
    for moment in range(10):
        store = tmp_path / str(moment)
        with saves(lambda: drawn.random() < 0.4, monkeypatch, in_background=moment % 2 == 1):
            for call in (drawn.randrange(1, 12), drawn.randrange(1, 6)):
                with pytest.raises(Killed):
                    train(segment, store, task, should_stop=killed_at(call))
        train(segment, store, task)
        assert_same(segment, store, undisturbed)


def test_a_killed_process_resumes_to_the_same_bits(tmp_path, whole, monkeypatch):
    segment, task, undisturbed = whole
    drawn = random.Random(1)
    for moment in range(3):
        store = tmp_path / str(moment)
        call, in_background = drawn.randrange(3, 12), moment > 0
        child = os.fork()
        if child == 0:
            try:
                with saves(lambda: True, monkeypatch, in_background=in_background):
                    train(segment, store, task, should_stop=killed_at(call, kill_self))
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert (store / f"{segment.id}.part" / "last.pt").exists()
        train(segment, store, task)
        assert_same(segment, store, undisturbed)


def test_a_short_segment_writes_once_and_each_kept_epoch_once(tmp_path, monkeypatch):
    written, write = [], checkpointing.write_checkpoint

    def noted(path, *given, **how):
        written.append(path.name)
        write(path, *given, **how)

    monkeypatch.setattr(checkpointing, "write_checkpoint", noted)
    monkeypatch.setattr(CheckpointWriter, "is_due", lambda writer: False)
    train(segment_plan({}, last=5), tmp_path / "extendable", Scripted(1, 2, 3, 4, 3))
    assert written == ["weights-0004.pt", "last.pt"]
    written.clear()
    train(segment_plan({}, last=5, can_be_extended=False), tmp_path / "final", Scripted(1, 2, 3, 4, 5))
    assert written == ["weights-0005.pt"]
    written.clear()
    ends_early = {"early_stopping": {"patience": 1}}
    segment = segment_plan(ends_early, last=5)
    assert train(segment, tmp_path / "early", Scripted(2, 1))["status"] == "early_stopped"
    assert written == ["weights-0001.pt"]
    assert kept(tmp_path / "early" / segment.id) == ["images-0001.npz", "weights-0001.pt"]


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def writer_of(folder, in_background=True) -> CheckpointWriter:
    return CheckpointWriter(SegmentStore(folder), "one", 1000, CPU, in_background)


@pytest.mark.parametrize("rate", [20e6, 500e6])
def test_writing_takes_two_hundredths_of_the_time(tmp_path, monkeypatch, rate):
    """Steps of 0.3 s on a disk that writes `rate` bytes in a second: counted, by a clock of the test's own."""
    now, bytes_written = [0.0], []

    def write(path, size, **how):
        bytes_written.append(size)
        now[0] += size / rate

    monkeypatch.setattr(checkpointing, "perf_counter", lambda: now[0])
    monkeypatch.setattr(checkpointing, "write_checkpoint", write)
    size = 200_000_000
    writer = CheckpointWriter(SegmentStore(tmp_path), "one", size // 4, CPU, in_background=False)
    saved_at = []
    while len(bytes_written) < 10:
        now[0] += 0.3
        if writer.is_due():
            saved_at.append(now[0])
            writer.write(size, [], set(), flush=False)
    after_first = now[0] - saved_at[0] - size / rate  # how fast the first one is written is a guess
    share = sum(bytes_written[1:]) / rate / after_first
    assert 0.019 < share <= 0.02
    assert saved_at[0] == pytest.approx((0.1 + size / checkpointing.CAREFUL_RATE) / 0.02, abs=0.5)
    assert max(b - a for a, b in pairwise(saved_at)) <= size / rate * 51 + 0.5


def test_no_more_than_an_hour_is_lost_however_slow_the_disk(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpointing, "perf_counter", lambda: now[0])
    writer = CheckpointWriter(SegmentStore(tmp_path), "one", 10**12, CPU, in_background=False)
    now[0] = 3599.0
    assert not writer.is_due()
    now[0] = 3600.0
    assert writer.is_due()


def test_a_thread_writes_what_there_was_and_its_end_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "one.part").mkdir()
    release, write = Event(), checkpointing.write_checkpoint
    monkeypatch.setattr(
        checkpointing, "write_checkpoint", lambda *given, **how: release.wait(10) and write(*given, **how)
    )
    state, weights = {"model": torch.zeros(3)}, {"model": torch.ones(3), "epoch": 2}
    with writer_of(tmp_path) as writer:
        writer.hold(2, weights, {"names": torch.zeros(1).numpy()}, {2})
        weights["model"].fill_(5.0)
        writer.write(state, [], {2}, flush=False)
        state["model"].fill_(5.0)
        assert not writer.is_due()
        assert not (tmp_path / "one.part" / "last.pt").exists()
        release.set()
    assert read_checkpoint(tmp_path / "one.part" / "last.pt")["model"].tolist() == [0, 0, 0]
    assert read_checkpoint(tmp_path / "one.part" / "weights-0002.pt")["model"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("in_background", [False, True])
def test_a_full_disk_ends_the_training_in_a_line(tmp_path, monkeypatch, in_background):
    def full(path, *given, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(checkpointing, "write_checkpoint", full)
    with saves(lambda: True, monkeypatch, in_background), pytest.raises(OSError, match="No space") as raised:
        train(segment_plan({}, last=2), tmp_path)
    refusal = refusal_of_disk(raised.value)
    assert refusal.startswith(f"{tmp_path / segment_plan({}, last=2).id}.part/last.pt: No space left on device. Make")


def test_buffers_are_used_again_and_keep_what_a_state_dict_carries():
    network, buffers = Tiny(), HostBuffers()
    state = network.state_dict()
    first = buffers.copy(state)
    with torch.no_grad():
        network.first.weight.zero_()
    assert same(first, Tiny.state_dict(network)) is False
    second = buffers.copy(network.state_dict())
    assert second["first.weight"].data_ptr() == first["first.weight"].data_ptr()
    assert second._metadata == state._metadata
    assert same(dict(second), dict(network.state_dict()))


def test_a_resumed_segment_tells_where_and_counts_its_time_on(tmp_path):
    segment, notes = segment_plan({}, last=3), []  # three steps and two batches of validation
    train(segment, tmp_path, should_stop=after(5 + 2), note=notes.append)
    before = read_checkpoint(tmp_path / f"{segment.id}.part" / "last.pt")
    train(segment, tmp_path, should_stop=after(2), note=notes.append)
    saved = read_checkpoint(tmp_path / f"{segment.id}.part" / "last.pt")
    outcome = train(segment, tmp_path, note=notes.append)
    assert notes == ["resumes at step 3 of epoch 2", "resumes at the evaluation of epoch 2"]
    assert saved["started"]["seconds"] > before["started"]["seconds"] > 0
    assert saved["started"]["training_seconds"] > before["started"]["training_seconds"] > 0
    rows = content(tmp_path / segment.id)["rows"]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    timed = read_checkpoint(tmp_path / segment.id / "last.pt")["rows"]
    assert timed[1]["seconds"] > saved["started"]["seconds"]
    assert outcome["train_seconds"] > sum(row["seconds"] for row in timed)  # the writing at the end


def test_epochs_after_the_saved_one_are_reported_once(tmp_path):
    add = [add_report(tmp_path, {"epoch": epoch, "val/loss": 1.0}) for epoch in (1, 2, 3)]
    drop_reports(tmp_path, after=3)
    assert len(read_reports(tmp_path)) == len(add)
    drop_reports(tmp_path, after=1)
    assert read_reports(tmp_path) == [{"epoch": 1, "val/loss": 1.0}]
    drop_reports(tmp_path / "nowhere", after=0)


class GreedyFrom(GreedyTask):
    """Out of memory from some epoch on."""

    def __init__(self, epoch: int):
        super().__init__(most=100)
        self.epoch, self.counters = epoch, 0

    def counter(self):
        self.counters += 1
        return super().counter()

    def before_backward(self, losses, model):
        model.most = 2 if self.counters >= self.epoch - 1 else 100


@pytest.mark.parametrize(("when", "resumes"), [(False, "epoch 1"), (True, "step 2 of epoch 3")])
def test_memory_that_runs_out_late_continues_from_what_was_saved(tmp_path, monkeypatch, when, resumes):
    notes = []
    with saves(lambda: when, monkeypatch):
        segment = segment_plan({"on_oom": "accumulate"}, last=4)
        outcome = train(segment, tmp_path / "on", GreedyFrom(3), note=notes.append)
    assert [note.partition(";")[0] for note in notes] == [
        f"out of memory with 4 images at once, continuing with 2 from {resumes}"
    ]
    assert (outcome["status"], outcome["epochs"], outcome["micro_batch"]) == ("finished", 4, 2)


def test_memory_that_runs_out_late_is_a_result_with_all_finished_epochs(tmp_path):
    segment = segment_plan({"on_oom": "skip"}, last=4)
    outcome = train(segment, tmp_path, GreedyFrom(3))
    (best,) = outcome["best"].values()
    assert (outcome["status"], outcome["epochs"]) == ("oom", 2)
    assert "out of memory in epoch 3" in outcome["detail"]
    assert (tmp_path / segment.id / f"weights-{best['epoch']:04d}.pt").exists()
    assert (tmp_path / segment.id / "epochs.csv").read_text().count("\n") == 3

"""Processes make the batches that the training makes by itself; a measurement says whether they are worth it."""

import os
import signal
import time

import pytest
import torch

from segsweep.config.train import Data, Train
from segsweep.data.loader_choice import chosen, decided
from segsweep.data.loading import ahead
from segsweep.detection.answers import batch_answers
from segsweep.planning.resources import AUTO_WORKERS, Resources
from tests.segments import segment_plan
from tests.unit.test_data_loading import batches, equal, prepared  # noqa: F401


def test_processes_change_nothing_and_end_with_their_loader(prepared):  # noqa: F811
    data = Data(augmentation="heavy", crop=(32, 32))
    alone, helped = (batches(prepared, data, batch_size=2, targets=batch_answers) for _ in range(2))
    helped.use_processes(1)  # it takes seconds to start
    workers = []
    held = []
    for epoch in (1, 2, 3):
        one, two = list(alone.epoch(epoch)), list(helped.epoch(epoch))
        assert len(one) == len(two) == 4
        assert all(map(equal, one, two))
        assert all(a["image"].stride() == b["image"].stride() for a, b in zip(one, two, strict=True))
        held += zip(one, two, strict=True)
        workers = list(helped._processes._pool._processes.values())
    # What came through shared memory stays as it is as long as somebody looks at it.
    assert all(equal(*pair) for pair in held)
    assert all(worker.is_alive() for worker in workers)
    for _ in helped.epoch(4):
        break  # a training that stops
    os.kill(workers[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"loader process was killed.*more memory"):
        list(helped.epoch(5))
    del helped
    for worker in workers:
        worker.join(20)
        assert not worker.is_alive()


def test_what_is_fastest_is_taken():
    # 100 batches of a second by two: processes take 50 s, threads 80; it is 20 s until processes work.
    assert decided(1.0, 0.8, 2, 100, movable=True) == "processes"
    assert decided(1.0, 0.8, 2, 60, movable=True) == "threads"
    assert decided(1.0, 0.8, 2, 100, movable=False) == "threads"
    assert decided(0.001, 0.0015, 2, 1000, movable=True) == "nothing"  # threads wait for the interpreter
    assert decided(1.0, 0.95, 2, 10, movable=True) == "nothing"


def test_without_a_processor_to_spare_nothing_is_measured():
    calls = []
    threads = torch.get_num_threads()
    assert chosen(calls.append, [1, 2, 3], 1, movable=True, processors=threads) == ("nothing", 0)
    assert calls == []
    assert chosen(lambda one: time.sleep(0.05), [1, 2, 3], 1, movable=True, processors=threads + 2) == ("threads", 2)


def test_results_come_in_order_and_no_more_is_begun_than_asked_for():
    begun = []

    def submit(one):
        begun.append(one)
        return lambda: one

    made = ahead(submit, list(range(6)), 2)
    assert next(made) == 0
    assert begun == [0, 1, 2]
    assert list(made) == [1, 2, 3, 4, 5]


def test_a_job_has_room_for_what_may_be_chosen():
    segments = [segment_plan(train={"workers": workers}) for workers in (0, AUTO_WORKERS, "auto")]
    none, two, auto = (Resources(None, None).cpus(one) for one in segments)
    assert none + AUTO_WORKERS == two == auto
    assert Train.model_validate({"workers": "auto"}).workers == "auto"

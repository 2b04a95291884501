"""What jobs ask a cluster for, in words and in all."""

import time
from types import SimpleNamespace

import pytest

from segsweep.config.cluster import Cluster
from segsweep.planning import announcement
from segsweep.planning.job_requests import JobRequest, request_of, requests_in_words
from segsweep.planning.resources import Resources
from tests.segments import segment_plan


def described(number=0, **train):
    train = {"batch_size": 8, "data": {"image_size": [256, 256]}} | train
    return segment_plan(f"{number:016x}-0010", train=train)


def test_jobs_alike_are_counted_and_their_hours_added():
    requests = [JobRequest(3, 5000, 240)] * 3 + [JobRequest(1, 4000, 30)]
    said = list(requests_in_words(Cluster(partition="gpu", gpu="a100"), requests))
    assert said[0].startswith("4 jobs to gpu ask for 12 GPU-hours; ")  # 3 * 4 h + 0.5 h, rounded to even
    assert said[1:] == ["  3 jobs: 1 a100, 3 CPUs, 5,000 MB, 4 h 0 min", "  1 job: 1 a100, 1 CPU, 4,000 MB, 30 min"]


@pytest.mark.parametrize(
    ("keys", "unit", "asked"),
    [
        ({"gpu": "none"}, "8 CPU-hours", "2 CPUs"),
        ({"gres": "shard:1"}, "4 shard:1-hours", "shard:1, 2 CPUs"),
        ({}, "4 GPU-hours", "1 GPU, 2 CPUs"),
    ],
)
def test_what_hours_are_counted_of(keys, unit, asked):
    said = list(requests_in_words(Cluster(**keys), [JobRequest(2, 4000, 240)]))
    assert said[0].startswith(f"1 job ask for {unit}".replace("ask", "asks"))
    assert said[1] == f"  1 job: {asked}, 4,000 MB, 4 h 0 min"


def test_many_kinds_of_jobs_are_not_all_listed():
    said = list(requests_in_words(Cluster(), [JobRequest(1, 4000, 10 * minutes) for minutes in range(1, 13)]))
    assert len(said) == 10
    assert said[-1] == "  and 4 jobs of 4 other kinds"


def test_a_pack_asks_for_its_dearest_segments_at_once():
    needs = Resources(Cluster(cpus=2), None)
    small, large = described(0), described(1, batch_size=32)
    pack = request_of([small, large, small], needs, at_once=2)
    assert pack == (4, needs.memory_mb(small) + needs.memory_mb(large), 240)
    assert request_of([small], needs, attempt=2) == (2, needs.memory_mb(small, 2), 480)


def test_of_ten_thousand_cells_it_takes_no_time():
    segments = {one.id: one for one in map(described, range(10_000))}
    request = SimpleNamespace(cluster=Cluster(), pack_at_once=1)
    study = SimpleNamespace(
        packs={}, segment=segments.__getitem__, resources=Resources(Cluster(), None), request=request
    )
    began = time.process_time()
    said = list(announcement.about_jobs(study, list(segments)))
    assert time.process_time() - began < 2
    assert "10,000 jobs ask for 40,000 GPU-hours" in said[0]

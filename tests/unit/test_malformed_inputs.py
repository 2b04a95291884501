"""Malformed inputs: a sample of those that `make faults` tries, and some that were answered wrongly."""

import random
from functools import cache

import pytest

from tests.faults.answers import HANG, TRACEBACK, answer_of
from tests.faults.asking import ask
from tests.faults.cases import Case
from tests.faults.malformed import cases
from tests.faults.malformed_data import DataCase
from tests.workspace import Workspace

OF_A_FAMILY = 5
# Traceback, hang, or accepted as something else, once.
ONCE_WRONG = {
    "seeds: [true]",
    "results/segments/x.lock: a link to itself",
    "title: 2024-13-45",
    "epochs: !!int abc",
    "train.batch_size: 010",
    "train.batch_size: 2:0",
    "train.optimizer.lr of adam.AdamSettings: true",
    "a grid of 10^9 cells of true axes",
    "10^9 folds",
    "a study file: deep lists",
    "a study file: a billion laughs",
    "a study file: 100,000 keys",
    "the key 'Seeds'",
    "results/little/history.json: deep",
    "step_000.json: a list",
    "results/little/plan.json: a pipe",
    "results/markers/x.running: a link to itself",
    "results/little/images/images.json: a number",
    "one id twice",
    "space: resnett18",
    "device=tpu",
    "resnett18",
    "a misspelt key + a level of no cell + an encoder",
    "85 %",
    "a TIFF whose directory is its own next one",
    "a line of 10 MB",
    "a claim: a level that no row has",
    "a name of nothing",
    "the file: a pipe",
    "parquet: a pipe",
}


@cache
def _all() -> list[Case | DataCase]:
    return list(cases())


def _sample() -> list[Case | DataCase]:
    drawn = random.Random(0)
    families: dict[str, list[Case]] = {}
    for case in _all():
        families.setdefault(case.family, []).append(case)
    found = []
    for ones in families.values():
        chosen = set(drawn.sample(range(len(ones)), min(OF_A_FAMILY, len(ones))))
        found += [one for number, one in enumerate(ones) if number in chosen or one.name in ONCE_WRONG]
    return found


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    return Workspace.entered(tmp_path, monkeypatch)


def test_there_are_hundreds_each_with_a_name_of_its_own():
    found = _all()
    assert len(found) > 1000
    assert len({(case.family, case.name) for case in found}) == len(found)
    names = {case.name for case in found}
    assert names | {"train.optimizer.lr: true"} >= ONCE_WRONG


def test_each_gets_the_answer_that_it_must_get(workspace):
    asked = list(ask(_sample()))
    assert len(asked) > 60
    assert [f"{one.case.family}: {one.case.name}: {one.wrong}: {one.answer.words}" for one in asked if one.wrong] == []


def test_a_hang_and_a_traceback_are_seen():
    def hangs():
        while True:
            pass

    assert answer_of(hangs, limit_s=1).kind == HANG
    assert answer_of(lambda: 1 / 0).kind == TRACEBACK
    assert answer_of(lambda: "fine").words == "fine"

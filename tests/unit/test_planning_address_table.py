"""The table of addresses of the shipped studies: none moves by accident."""

import json

import pytest

from segsweep.planning.code_fingerprint import EQUIVALENT, PACKAGE, Code
from tests.addresses import TABLE, declare_equivalent, moved, moved_definitions, runs_and_roots, table

REMEDY = """
These addresses moved, and everybody's segments with them:
  {moved}
If no training yields anything else, find out why and undo it (a default changed?), or, after an edit of code, show it
with `python -m tests.same_training` and declare it with `python -m tests.addresses --same-results`.
If it is meant, write the table again with `python -m tests.addresses`, and say so in CHANGELOG.md, marked **results**.
"""


def test_no_address_moves_unawares():
    different = moved(json.loads(TABLE.read_text(encoding="utf-8")), table())
    assert not different, REMEDY.format(moved="\n  ".join(different))


def test_what_moved_is_named():
    before = {
        "runs": {"a": {"r": ["1"], "s": ["2"]}, "b": {"r": ["3"]}},
        "code": {"loop": "x", "loss": "y"},
        "definitions": {"step": "1", "mean": "2"},
    }
    now = {
        "runs": {"a": {"r": ["1"], "s": ["0"]}, "c": {"r": ["3"]}},
        "code": {"loop": "z", "loss": "y"},
        "definitions": {"step": "3", "mean": "2"},
    }
    assert moved(before, before) == []
    assert moved(before, now) == [
        "code loop",
        "definitions step",
        "settings of a: 1 runs, the first is s",
        "settings of b: 1 runs, the first is r",
        "settings of c: 1 runs, the first is r",
    ]


def test_what_the_package_declares_equivalent_is_there():
    code = Code()
    declared, code.equivalent = code.equivalent, {}
    own = {f"{name} {digest}" for name, digest in code.hashes(runs_and_roots()[1]).items()}
    assert sorted(declared.keys() - own) == []
    assert (PACKAGE / EQUIVALENT).is_file()


BEFORE = {"loop.step": "a1", "loop.mean": "b1", "loss.dice": "c1"}
SPLIT = {"loop.step": "a2", "gradients.mean": "e1", "loss.dice": "c1"}  # loop.mean is gradients.mean now


@pytest.mark.parametrize(
    ("now", "said", "expected"),
    [
        (BEFORE, [], {}),
        (BEFORE | {"loop.step": "a2"}, ["loop.step"], {"loop.step a2": {"loop.step": "a1"}}),
        (BEFORE | {"loop.step": "a2", "loss.dice": "c2"}, ["loop.step"], {"loop.step a2": {"loop.step": "a1"}}),
        (BEFORE | {"loop.clip": "d1"}, ["loop.clip"], {"loop.clip d1": {}}),
        (
            SPLIT,
            ["loop.step", "loop.mean=gradients.mean"],
            {"gradients.mean e1": {"loop.mean": "b1"}, "loop.step a2": {"loop.step": "a1"}},
        ),
    ],
)
def test_what_is_declared_stands_for_what_was(now, said, expected):
    assert declare_equivalent(BEFORE, now, {}, said) == expected


def test_what_is_declared_twice_stands_for_the_first():
    once = declare_equivalent(BEFORE, {"loop.step": "a2", "loss.dice": "c1"}, {}, ["loop.mean=loop.step"])
    assert once == {"loop.step a2": {"loop.step": "a1", "loop.mean": "b1"}}
    again = declare_equivalent(BEFORE, {"loop.step": "a3", "loss.dice": "c1"}, once, ["loop.step"])
    assert again == {"loop.step a3": {"loop.step": "a1", "loop.mean": "b1"}}


def test_what_moved_since_it_was_declared_has_moved():
    declared = {"loop.step a2": {"loop.step": "a1"}, "loop.clip d1": {}}
    assert moved_definitions(BEFORE, BEFORE | {"loop.step": "a2", "loop.clip": "d1"}, declared) == []
    assert moved_definitions(BEFORE, BEFORE | {"loop.step": "a3", "loop.clip": "d2"}, declared) == [
        "loop.step", "loop.clip",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "said"), [(BEFORE, ["loop.step"]), (BEFORE, ["loop.mean=loop.step"]), (SPLIT, ["loop.other=loop.step"])]
)
def test_what_cannot_be_declared_is_said(now, said):
    with pytest.raises(SystemExit, match="did not move"):
        declare_equivalent(BEFORE, now, {}, said)

"""The table of addresses of the shipped studies: none moves by accident."""

import json

from tests.addresses import TABLE, moved, table

REMEDY = """
These addresses moved, and everybody's segments with them:
  {moved}
If no training yields anything else, find out why and undo it (a default changed? a definition renamed?).
If it is meant, write the table again with `python -m tests.addresses`, and say so in CHANGELOG.md, marked **results**.
"""


def test_no_address_moves_unawares():
    different = moved(json.loads(TABLE.read_text(encoding="utf-8")), table())
    assert not different, REMEDY.format(moved="\n  ".join(different))


def test_what_moved_is_named():
    before = {"runs": {"a": {"r": ["1"], "s": ["2"]}, "b": {"r": ["3"]}}, "code": {"loop": "x", "loss": "y"}}
    now = {"runs": {"a": {"r": ["1"], "s": ["0"]}, "c": {"r": ["3"]}}, "code": {"loop": "z", "loss": "y"}}
    assert moved(before, before) == []
    assert moved(before, now) == [
        "code of loop",
        "settings of a: 1 runs, the first is s",
        "settings of b: 1 runs, the first is r",
        "settings of c: 1 runs, the first is r",
    ]

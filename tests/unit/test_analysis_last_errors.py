"""Why a segment was not trained, out of its last log."""

import pytest

from segsweep.analysis.last_errors import LastErrors

ENDED = "error: u lr=0.4 seed=1: the program ended with exit status 1: python fit.py --lr 0.4"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ValueError: no\n", "ValueError: no"),
        (f"boom\n{ENDED}\nboom\nCorrect it.\n", "the program ended with exit status 1"),
        (f"error: train.py:3: {ENDED[25:]}\nZeroDivisionError: by zero\nCorrect it.\n", "ZeroDivisionError: by zero"),
        ("error: u: the program ended with signal SIGBUS: x\nIt said no\n", "the program ended with signal SIGBUS"),
        ("error: last.pt is missing: nothing\nStart again\n", "last.pt is missing: nothing"),
        ("all is well\nval/error: 3\n", ""),
    ],
)  # fmt: skip
def test_the_last_error_of_the_last_start(tmp_path, log, said):
    (tmp_path / "abc.20261127-1.log").write_text("OSError: an earlier start\n")
    (tmp_path / "abc.20261128-1.log").write_text(log)
    assert LastErrors(tmp_path).of("abc") == said
    assert LastErrors(tmp_path).of("other") == ""

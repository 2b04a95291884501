"""What the last words of a program say of how it failed."""

import pytest

from segsweep.programs.failures import memory_ran_out, status_in_words

SURVIVED = "warning: CUDA out of memory, trying with half the batch\n"
TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 3, in <module>
    raise ValueError(x)  # not because we are out of memory
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (SURVIVED + TRACEBACK + "ValueError: bad\n", None),
        (
            TRACEBACK + "torch.OutOfMemoryError: CUDA out of memory. Tried\n",
            "torch.OutOfMemoryError: CUDA out of memory. Tried",
        ),
        (TRACEBACK + "MemoryError\n", "MemoryError"),
        (
            "[rank0]: " + TRACEBACK + "[rank0]: RuntimeError: CUDA out of memory\n",
            "[rank0]: RuntimeError: CUDA out of memory",
        ),
        ("terminate: Cannot allocate memory\n", "terminate: Cannot allocate memory"),
    ],
)
def test_memory_ran_out_where_the_error_says_so(said, why):
    assert memory_ran_out(said, 1, 0) == why


@pytest.mark.parametrize(("status", "words"), [(1, "exit status 1"), (-11, "signal SIGSEGV"), (-40, "signal 40")])
def test_a_status_in_words(status, words):
    assert status_in_words(status) == words

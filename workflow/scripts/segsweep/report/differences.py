"""Where two sequences differ, element by element."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher


def differences(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, int, bool, bool]]:
    """Where they differ: a position in each, and whether an element of each stands there (one is missing otherwise)."""
    for change, i, i_end, j, j_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if change != "equal":
            for k in range(max(i_end - i, j_end - j)):
                yield min(i + k, i_end), min(j + k, j_end), i + k < i_end, j + k < j_end

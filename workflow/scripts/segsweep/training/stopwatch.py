"""Time that passes between two looks at it."""

from time import perf_counter


class Stopwatch:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._last = perf_counter()

    def lap(self) -> float:
        """Seconds since the last call."""
        before, self._last = self._last, perf_counter()
        return self._last - before

"""Two bars that a score is compared with: what the claims on a confirmed winner and on an ensemble have in common."""

from segsweep.config.settings import Settings, key


class AtLeast(Settings):
    """Two bars: what would be a success, and what is acceptable."""

    success: float = key(..., "Score of a success.")
    acceptable: float = key(..., "Score that is acceptable.")

    def grade(self, value: float, sign: float) -> str:
        """`success`, `acceptable` or `missed`; `sign` is 1 if high scores are good, -1 if low ones are."""
        for grade in ("success", "acceptable"):
            if (value - getattr(self, grade)) * sign >= 0:
                return grade
        return "missed"

    def reached(self, grade: str) -> str:
        """A grade in words: `reaches the bar of success, 0.9`."""
        if grade == "missed":
            return "reaches neither bar"
        return f"reaches the {'bar of success,' if grade == 'success' else 'acceptable'} {getattr(self, grade):g}"

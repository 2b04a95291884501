"""Hypotheses of a study, one class for all kinds: exactly one of the kind's keys is set."""

from typing import Any, Literal

from pydantic import model_validator

from segsweep.config.settings import Settings, key

KINDS = ("best_in", "trend", "least_spread", "reduced_by", "confirmed_at_least", "ensemble_at_least")


class Expect(Settings):
    """A gain expected of a listed run, in the study's metric."""

    gain: tuple[float, float] = key(..., "From, to.")
    over: int | str = key(..., "Id of the run it is compared with.")


class AtLeast(Settings):
    """Two bars: what would be a success, and what is acceptable."""

    success: float = key(..., "Score of a success.")
    acceptable: float = key(..., "Score that is acceptable.")


class Claim(Settings):
    """A hypothesis, judged in the report: supported, refuted or undecided."""

    id: str = key(..., "Its name.")
    claim: str = key(..., "In words.")
    best_in: dict[str, list[Any]] | None = key(None, "Axis: levels among which the best one is.")
    trend: Literal["increasing", "decreasing"] | None = key(None, "How `of` changes along `along`.")
    least_spread: dict[str, Any] | None = key(
        None, "Axis: the level with the least spread of `of` over the other settings."
    )
    reduced_by: float | None = key(None, "Share by which `of` is lower than `against`.", gt=0, lt=1)
    confirmed_at_least: AtLeast | None = key(None, "Mean score of the confirmed winner.")
    ensemble_at_least: AtLeast | None = key(None, "Score of the ensemble.")
    of: str | None = key(None, "Metric it speaks of; the study's if not set.")
    along: str | None = key(None, "Axis of a trend.")
    against: Literal["reference"] | None = key(None, "What `reduced_by` compares with.")
    where: dict[str, Any] = key({}, "Only cells with these settings.")

    @model_validator(mode="after")
    def _one_kind(self):
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"a claim has exactly one of {', '.join(KINDS)}; this one has {', '.join(kinds) or 'none'}"
            )
        if (self.trend is None) != (self.along is None):
            raise ValueError("trend and along belong together")
        if (self.reduced_by is None) != (self.against is None):
            raise ValueError("reduced_by and against belong together")
        return self

    @property
    def kind(self) -> str:
        """Which of KINDS is set."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

"""Seeds of settings: a list of them, or a race, in which settings that fell behind get no further seed."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from segsweep.config.settings import Settings, key

MOST_SEEDS = 10_000
FIRST_FRESH = 1000  # seeds of a study itself are seldom that high
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class RacingSeeds(Settings):
    """One seed after the other, until it is decided which setting is best; see docs/racing.md."""

    first: int = key(0, f"The first seed; {FIRST_FRESH} in a confirmation, whose seeds must be fresh.", ge=0, lt=2**31)
    start: int = key(2, "Every setting is trained with so many seeds before the first decision.", ge=1, le=MOST_SEEDS)
    at_most: int = key(..., "So many seeds at most.", ge=1, le=MOST_SEEDS)
    until: Literal["decided"] = key(
        "decided",
        "A setting that fell behind the first, or cannot be better than it by more than `matters`, gets no "
        "further seed; it ends when one setting is left.",
    )

    @model_validator(mode="after")
    def _room_to_race(self):
        if self.at_most < self.start:
            raise ValueError(
                f"at_most: at most {self.at_most} seeds, and every setting starts with {self.start}. Raise `at_most`, "
                "or lower `start`"
            )
        return self

    def up_to(self, number: int) -> list[int]:
        """The first so many of its seeds."""
        return list(range(self.first, self.first + number))


def _form(value: Any) -> str:
    return "RacingSeeds" if isinstance(value, dict | RacingSeeds) else "list[seed]"


AnySeeds = Annotated[
    Annotated[list[Seed], Field(min_length=1, max_length=MOST_SEEDS), Tag("list[seed]")]
    | Annotated[RacingSeeds, Tag("RacingSeeds")],
    Discriminator(_form),
]


def race_in(seeds: list[int] | RacingSeeds) -> RacingSeeds | None:
    """The race that seeds are, or None."""
    return seeds if isinstance(seeds, RacingSeeds) else None


def first_seeds(seeds: list[int] | RacingSeeds) -> list[int]:
    """The seeds that every setting is trained with, whatever is decided."""
    return seeds.up_to(seeds.start) if isinstance(seeds, RacingSeeds) else seeds


def all_seeds(seeds: list[int] | RacingSeeds) -> list[int]:
    """The seeds that a setting may be trained with."""
    return seeds.up_to(seeds.at_most) if isinstance(seeds, RacingSeeds) else seeds

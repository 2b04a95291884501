"""Sweeps, pruners, confirmation, ensembles."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, field_validator, model_validator

from segsweep import registry
from segsweep.config.expressions import checked
from segsweep.config.racing import FIRST_FRESH, AnySeeds, RacingSeeds
from segsweep.config.search_components import Sampler
from segsweep.config.settings import Settings, key
from segsweep.config.study_names import STUDY_NAME

Constraint = Annotated[str, AfterValidator(checked)]
MOST_CHOICES = 10_000
MOST_CONSTRAINTS = 100


class Dimension(Settings):
    """One axis of a space. A list of choices is short for `{choices: [...]}`."""

    low: float | None = key(None, "Lower bound.")
    high: float | None = key(None, "Upper bound.")
    log: bool = key(False, "Drawn on a logarithmic scale.")
    step: float | None = key(None, "Distance of the values.", gt=0)
    integer: bool = key(False, "Whole numbers.")
    choices: list[Any] | None = key(None, "Values to choose from.", max_length=MOST_CHOICES)
    when: dict[str, Any] = key({}, "Only where other axes have these values (a value or a list of values).")

    @model_validator(mode="before")
    @classmethod
    def _list_is_choices(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _range_or_choices(self):
        ranged = self.low is not None and self.high is not None
        if ranged == (self.choices is not None):
            raise ValueError("an axis has either low and high, or choices")
        if ranged and not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if ranged and self.step is not None and self.step > self.high - self.low:
            raise ValueError(f"step {self.step} is more than there is between low {self.low} and high {self.high}")
        if self.log and ((self.low or 0) <= 0 or self.step):
            raise ValueError("a logarithmic axis needs low above 0 and no step")
        if self.choices is not None and not self.choices:
            raise ValueError("choices is empty")
        return self


class Narrow(Settings):
    """The space of this sweep is narrowed to where an earlier one was good."""

    source: str = key(..., "Name of the earlier study.", alias="from", pattern=STUDY_NAME)
    top: float = key(0.25, "Share of its trials that span the new space.", gt=0, le=1)


SAMPLERS = tuple(registry.classes("sampler"))


class Sweep(Settings):
    """Settings proposed by a sampler, from what earlier trials showed."""

    sampler: Annotated[
        registry.union("sampler"),
        BeforeValidator(Sampler.spelled_out, json_schema_input_type=registry.union("sampler") | Literal[SAMPLERS]),
    ] = key(registry.default("sampler"), "Sampler of Optuna. Its name alone is short for `{name: ...}`.")
    seed: int = key(0, "Seed of the sampler.", ge=0)
    trials: int = key(..., "Number of settings tried.", ge=1, le=100_000)
    at_once: int = key(
        1, "Trials under way at a time. Three times as many as there are jobs at a time keep all of these busy.", ge=1
    )
    space: dict[str, Dimension] = key(..., "Axis: range or choices.", min_length=1)
    constraints: list[Constraint] = key(
        [],
        "Conditions on axes and on keys of `train` that each trial fulfils: `batch_size * accumulate <= 32`; see "
        "docs/sweeps.md.",
        max_length=MOST_CONSTRAINTS,
    )
    try_first: list[dict[str, Any]] = key(
        [],
        "Start points: settings by axis that are tried first, in this order; the sampler fills in axes that one leaves "
        "open. `from: results/OTHER/best.yaml` takes the values of another study's best setting.",
        max_length=MOST_CHOICES,
    )
    pruner: registry.union("pruner") = key(
        registry.classes("pruner")["none"](), "Prunes trials that fall behind others."
    )
    narrow: Narrow | None = key(None, "Narrow the space by an earlier study.")

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, value: Any) -> Any:
        if isinstance(value, dict) and "early_stop" in value:
            raise ValueError("`early_stop` is called `pruner` now, and its key `kind` is called `name`")
        pruner = value.get("pruner") if isinstance(value, dict) else None
        if isinstance(pruner, dict) and "kind" in pruner:
            raise ValueError("`kind` of `pruner` is called `name` now")
        return value


class Confirm(Settings):
    """The best settings trained in full on fresh seeds."""

    of: Literal["best", "front"] = key(
        "best", "Which: the best ones by `metric`, or of a study with several `objectives` the best ones on the front."
    )
    top: int = key(1, "How many settings.", ge=1)
    seeds: AnySeeds = key(..., "Fresh seeds: a list, or a race.")
    epochs: int | None = key(None, "Epochs; as in `train` if not set.", unit="epochs", ge=1)

    @field_validator("seeds")
    @classmethod
    def _fresh(cls, value: Any) -> Any:
        if isinstance(value, RacingSeeds) and "first" not in value.model_fields_set:
            return value.model_copy(update={"first": FIRST_FRESH})
        return value


class Ensemble(Settings):
    """Models trained on folds decide together."""

    of: Literal["best"] = key("best", "Which setting.")
    folds: int = key(5, "Number of folds and of members.", ge=2, le=1000)
    method: Literal["vote", "mean"] = key("vote", "Majority, or mean of the scores.")
    min_votes: int | None = key(None, "Votes that are needed; more than half if not set.", ge=1)
    score_on: Literal["val", "test"] | None = key(
        None, "Split that no member is trained on and all are scored on; `test` where the data set has it, else `val`."
    )

"""Distributions of W&B's sweep configuration as dimensions of a space.

Source: docs.wandb.ai, "Sweep configuration options", distribution options for random and Bayesian search.
"""

import math
from typing import Any, Literal, get_args

from pydantic import model_validator

from segsweep.config.search import Dimension
from segsweep.config.settings import Settings, key

WithBounds = Literal[
    "uniform",
    "int_uniform",
    "q_uniform",
    "log_uniform",
    "log_uniform_values",
    "q_log_uniform",
    "q_log_uniform_values",
    "inv_log_uniform",
    "inv_log_uniform_values",
]
Unbounded = Literal["normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta"]
Countable = Literal["constant", "categorical", "categorical_w_probabilities"]
SPREAD = 2  # standard deviations on each side of the mean that stand for a normal distribution
DIGITS = 6  # significant ones of a bound that is computed


class WandbParameter(Settings):
    """A hyperparameter: a value, values, a distribution, or parameters of its own."""

    value: Any = key(None, "Its only value.")
    values: list[Any] | None = key(None, "Its values.", min_length=1)
    probabilities: list[float] | None = key(None, "Of the values.")
    distribution: WithBounds | Unbounded | Countable | None = key(None, "How values are drawn.")
    min: float | int | None = key(None, "Lower bound.")
    max: float | int | None = key(None, "Upper bound.")
    mu: float = key(0.0, "Mean of a normal distribution.")
    sigma: float = key(1.0, "Standard deviation of a normal distribution.", gt=0)
    a: float = key(1.0, "Of a beta distribution.")
    b: float = key(1.0, "Of a beta distribution.")
    q: float | int | None = key(None, "Values are multiples of it.", gt=0)
    parameters: dict[str, "WandbParameter"] | None = key(None, "Nested hyperparameters.", min_length=1)

    @model_validator(mode="after")
    def _complete(self):
        ways = {"value", "values", "parameters"} & self.model_fields_set
        if len(ways) > 1:
            raise ValueError(
                f"a parameter has one of value, values, parameters; this one has {', '.join(sorted(ways))}"
            )
        if not ways and self.distribution in get_args(Countable):
            raise ValueError(f"distribution {self.distribution} needs `value` or `values`")
        if ways or self.distribution in get_args(Unbounded):
            return self
        if self.min is None or self.max is None:
            raise ValueError("a parameter has `value`, `values`, `min` and `max`, or `parameters`")
        if not self.min < self.max:
            raise ValueError(f"min {self.min} is not below max {self.max}")
        if self.drawn_from.endswith("log_uniform_values") and self.min <= 0:
            raise ValueError(f"{self.distribution} needs `min` above 0")
        return self

    @property
    def is_constant(self) -> bool:
        """Whether it has one value."""
        return "value" in self.model_fields_set

    @property
    def drawn_from(self) -> str:
        """Its distribution, the one that W&B takes where none is named included."""
        if self.distribution:
            return self.distribution
        return "int_uniform" if isinstance(self.min, int) and isinstance(self.max, int) else "uniform"


def dimension(parameter: WandbParameter) -> tuple[Dimension, str]:
    """What a parameter that varies is here, and what of it was lost; empty where nothing was."""
    if parameter.values is not None:
        lost = (
            "The values are equally likely here: `probabilities` have no counterpart."
            if parameter.probabilities
            else ""
        )
        return Dimension(choices=_each_once(parameter.values)), lost
    if parameter.drawn_from in get_args(Unbounded):
        return _unbounded(parameter)
    return _bounded(parameter)


def _bounded(parameter: WandbParameter) -> tuple[Dimension, str]:
    low, high, drawn = parameter.min, parameter.max, parameter.drawn_from
    if drawn == "inv_log_uniform":  # log(1/x) between the bounds
        low, high = -high, -low
    if drawn.endswith("log_uniform"):
        low, high = _rounded(math.exp(low)), _rounded(math.exp(high))
    log = "log" in drawn
    if drawn == "int_uniform":
        return Dimension(low=math.ceil(low), high=math.floor(high), integer=True), ""
    if drawn.startswith("q_"):
        return _quantized(low, high, parameter.q or 1, log=log)
    return Dimension(low=low, high=high, log=log), ""


def _unbounded(parameter: WandbParameter) -> tuple[Dimension, str]:
    drawn = parameter.drawn_from
    if drawn.endswith("beta"):
        low, high, log = 0.0, 1.0, False
        lost = f"Even draws here: W&B draws from a beta distribution with a = {parameter.a:g} and b = {parameter.b:g}."
    else:
        log = "log" in drawn
        low, high = (parameter.mu + side * SPREAD * parameter.sigma for side in (-1, 1))
        low, high = (_rounded(math.exp(bound)) if log else _rounded(bound) for bound in (low, high))
        lost = (
            f"{'Log-uniform' if log else 'Uniform'} draws up to {SPREAD} standard deviations from the mean here: W&B "
            f"draws from a {'log-normal' if log else 'normal'} distribution with mu = {parameter.mu:g} and sigma = "
            f"{parameter.sigma:g}."
        )
    if not drawn.startswith("q_"):
        return Dimension(low=low, high=high, log=log), lost
    quantized, also = _quantized(low, high, parameter.q or 1, log=log)
    return quantized, " ".join(filter(None, (lost, also)))


def _quantized(low: float, high: float, q: float, *, log: bool) -> tuple[Dimension, str]:
    """Multiples of q: what W&B rounds its draws to."""
    first, last = (_rounded(round(bound / q) * q) for bound in (low, high))
    whole = float(q).is_integer()
    if log and q == 1 and first > 0:
        return Dimension(low=int(first), high=int(last), log=True, integer=True), ""
    lost = "Even draws here, to keep the multiples of `q`: a dimension is logarithmic or has a step." if log else ""
    if not first < last:
        lost = f"All draws are the same number when they are rounded to multiples of {q:g}, W&B's `q`."
        return Dimension(choices=[int(first) if whole else first]), lost
    if whole:
        step = {} if q == 1 else {"step": int(q)}
        return Dimension(low=int(first), high=int(last), integer=True, **step), lost
    return Dimension(low=first, high=last, step=q), lost


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _each_once(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(one) and value == one for one in found):
            found.append(value)
    return found

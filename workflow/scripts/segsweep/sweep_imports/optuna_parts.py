"""Distributions and samplers of Optuna, by their names, as what a sweep has here."""

from typing import Any

from segsweep.config.search import Dimension
from segsweep.sweep_imports.definition import GRID, Definition

SAMPLERS = {
    "TPESampler": "tpe",
    "RandomSampler": "random",
    "GPSampler": "gp",
    "CmaEsSampler": "cmaes",
    "QMCSampler": "qmc",
    "GridSampler": GRID,
    "BruteForceSampler": GRID,
}
USUAL = "tpe"  # where none is named, and for those that have no counterpart
WITH_STARTUP = ("tpe", "gp")


def take_sampler(found: Definition, class_name: str, settings: dict[str, Any]) -> None:
    """Set the method of a definition from a sampler's class and what it is called with."""
    found.method = SAMPLERS.get(class_name, USUAL)
    if class_name not in SAMPLERS:
        found.remark("sampler", text=f"{class_name} has no counterpart here: {USUAL} was taken.")
    if isinstance(seed := settings.get("seed"), int) and seed >= 0:
        found.sampler_seed = seed
    if found.method in WITH_STARTUP and (startup := settings.get("n_startup_trials")):
        found.sampler["startup_trials"] = startup


def numbers(
    low: float, high: float, *, log: bool = False, step: float | None = None, integer: bool = False
) -> Dimension:
    """The dimension of a float or integer distribution; one of a single number is a choice."""
    if low == high:
        return Dimension(choices=[int(low) if integer else low])
    if log or (integer and step == 1):
        step = None
    return Dimension(low=low, high=high, log=log, step=step, integer=integer)


def direction(found: Definition, directions: list[str]) -> None:
    """Whether lower is better, of the first of the objectives."""
    found.minimize = directions[0].lower() == "minimize"
    if len(directions) > 1:
        found.remark(
            "metric", text=f"The sweep has {len(directions)} objectives; here the first one alone is optimized."
        )

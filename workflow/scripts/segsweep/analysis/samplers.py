"""What is known of a study's sampler by its name."""

from segsweep import registry
from segsweep.config.search_components import Sampler
from segsweep.own_code.names import own_name

OTHER_NAMES = {"bayes": "gp"}  # W&B's sweeps with a Gaussian process


def is_adaptive(sampler: str | None) -> bool:
    """Whether trials of a sampler follow the scores of earlier ones."""
    found = sampler_named(sampler)
    return found is not None and found.adaptive


def sampler_named(name: str | None) -> type[Sampler] | None:
    """The class of its settings; None where there is none of the name."""
    name = OTHER_NAMES.get(name, name)
    return registry.find("sampler", name) if own_name(name) else registry.classes("sampler").get(name)

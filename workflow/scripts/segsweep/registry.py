"""Which module holds which named component. Data only, so that planning can read it without importing torch.

A component's module is imported when a setting names it, never otherwise: the code fingerprint of a
training starts from these modules and follows their imports.
"""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from segsweep.config.components import Component, Metric, Trainer
from segsweep.config.losses import Terms
from segsweep.config.train import SMP_ARCHITECTURES

BASES = {"metric": Metric, "trainer": Trainer}

COMPONENTS: dict[str, dict[str, str]] = {
    "model": {
        **dict.fromkeys(SMP_ARCHITECTURES, "segsweep.models.smp"),
        "attention_unet": "segsweep.models.attention_unet",
        "attention_resunet": "segsweep.models.attention_resunet",
        "bisenet": "segsweep.models.bisenet",
        "multitask": "segsweep.models.multitask",
        "dbnet": "segsweep.models.dbnet",
    },
    "loss": {
        **{name: f"segsweep.losses.{name}" for name in Terms.model_fields},
        "detection": "segsweep.losses.detection",
        "db": "segsweep.losses.db",
    },
    "task": {
        "binary": "segsweep.tasks.segmentation",
        "multiclass": "segsweep.tasks.segmentation",
        "multitask": "segsweep.tasks.multitask",
        "text": "segsweep.tasks.text",
    },
}


@lru_cache
def classes(kind: str) -> dict[str, type[Component]]:
    """The components of a kind (`metric`, `trainer`) by name: a file of its package each, named as the file."""
    package = Path(__file__).parent / f"{kind}s"
    found = {}
    for path in sorted(package.glob("*.py")):
        module = import_module(f"segsweep.{kind}s.{path.stem}") if path.stem != "__init__" else None
        for value in vars(module).values() if module else ():
            if isinstance(value, type) and issubclass(value, BASES[kind]) and value.__module__ == module.__name__:
                found[path.stem] = value
    return found


def load(component: type[Component]) -> ModuleType:
    """The module of a component."""
    return import_module(component.__module__)

"""Which module holds which named component. Data only, so that planning can read it without importing torch.

A component's module is imported when a setting names it, never otherwise: the code fingerprint of a
training starts from these modules and follows their imports.
"""

from segsweep.config.losses import Terms
from segsweep.config.train import SMP_ARCHITECTURES

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


def classes(kind):
    import importlib
    import pkgutil

    from segsweep.config.components import Metric

    package = importlib.import_module("segsweep.metrics")
    found = {}
    for one in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"segsweep.metrics.{one.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Metric) and value.__module__ == module.__name__:
                found[one.name] = value
    return found


def load(component):
    import importlib

    return importlib.import_module(component.__module__)

"""Which architectures serve which tasks."""

from segsweep import registry
from segsweep.config.components import Model


def unsuited_architecture(model: Model, task: str) -> str:
    """What is wrong with an architecture for a task, a sentence without its full stop; empty where nothing is."""
    if task in model.tasks:
        return ""
    serving = [name for name, one in registry.classes("model").items() if task in one.tasks]
    own = " or ".join(model.tasks)
    return (
        f"train.model.arch: {model.arch} is for data sets of the task {own}, this one's is {task}; "
        f"choose {serving[0] if len(serving) == 1 else 'one of ' + ', '.join(serving)}"
    )

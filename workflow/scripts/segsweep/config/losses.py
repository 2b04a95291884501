"""The section `loss`: weighted sums of losses, their phases, and what weighs two tasks. Each loss is a component."""

from typing import Any, ClassVar, Literal

from pydantic import create_model, model_validator

from segsweep import registry
from segsweep.config.components import Term
from segsweep.config.settings import Settings, key

LOSSES = registry.classes("loss")
Detection, Db = LOSSES["detection"], LOSSES["db"]
MASKS = ("binary", "multiclass", "multilabel")  # tasks of masks alone


class WeightedSum(Settings):
    """A weighted sum of losses, by their names. At least one."""

    whole: ClassVar[bool] = True  # whoever writes a sum means these terms and no others

    @model_validator(mode="after")
    def _not_empty(self):
        if not self.active():
            raise ValueError(f"a loss needs at least one term of {', '.join(type(self).model_fields)}")
        return self

    def active(self) -> dict[str, Term]:
        """The terms that are there, by name."""
        return {name: term for name in type(self).model_fields if (term := getattr(self, name)) is not None}


_fields: dict[str, Any] = {
    name: (cls | None, key(None, cls.__doc__.splitlines()[0])) for name, cls in LOSSES.items() if issubclass(cls, Term)
}
Terms = create_model("Terms", __base__=WeightedSum, __module__=__name__, __doc__=WeightedSum.__doc__, **_fields)

ClassWeights = Literal["inverse_frequency", "inverse_log_frequency", "median_frequency"] | list[float]


class LossPhase(Settings):
    """What is in force during some epochs; keys that are not set stay as in `loss`."""

    until_epoch: int | None = key(None, "Last epoch of the phase; the last phase has none.", ge=1)
    main: Terms | None = key(None, "Loss of the main head.")
    aux: Terms | None = key(None, "Loss of each auxiliary head.")
    aux_weight: float | None = key(None, "Factor of the auxiliary losses.", ge=0)
    class_weights: ClassWeights | None = key(None, "Class weights.")


class TaskWeights(Settings):
    """Fixed weights of the two tasks."""

    seg: float = key(1.0, "Weight of segmentation.", ge=0)
    det: float = key(1.0, "Weight of detection.", ge=0)


class Loss(Settings):
    """What is minimized: `main` (and `aux`) for segmentation, `seg` and `det` for both at once, `db` for text."""

    main: Terms | None = key(None, "Loss of the main head.", tasks=MASKS, title="main loss")
    aux: Terms | None = key(
        None,
        "Loss of each auxiliary head; as `main` if not set.",
        tasks=MASKS,
        title="auxiliary loss",
    )
    aux_weight: float = key(
        1.0,
        "Factor of the auxiliary losses, which are summed over the heads.",
        ge=0,
        title="weight of the auxiliary heads",
    )
    class_weights: ClassWeights | None = key(
        None,
        "Class weights, for the losses that take them, from the training split's pixel counts or a list.",
        title="class weights",
    )
    phases: list[LossPhase] = key([], "Changes during training, in order.", title="phases of the loss")
    seg: Terms | None = key(
        None, "Segmentation loss of a multitask model.", tasks=("multitask",), title="segmentation loss"
    )
    det: Detection | None = key(None, "Detection loss of a multitask model.", tasks=("multitask",))
    task_weights: TaskWeights | Literal["uncertainty", "gradnorm"] = key(
        TaskWeights(),
        "Weights of the two tasks: fixed, by uncertainty (Kendall 2018) or GradNorm (Chen 2018).",
        tasks=("multitask",),
        title="task weights",
    )
    db: Db | None = key(None, "Loss of a DB text detector.", tasks=("text",))

    @model_validator(mode="after")
    def _phases_in_order(self):
        ends = [phase.until_epoch for phase in self.phases]
        if ends and (ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(set(ends[:-1]))):
            raise ValueError(f"phases need growing until_epoch in all but the last, which has none; got {ends}")
        return self


def missing(loss: Loss, task: str) -> list[str]:
    """That a task of masks has no loss; nothing where it has one, and for other tasks."""
    name = "seg" if task == "multitask" else "main"
    if (task != "multitask" and task not in MASKS) or getattr(loss, name) is not None:
        return []
    return [
        f"loss.{name} is not set: say what a data set of the task {task} is trained with, for example "
        f"`{name}: {{{'bce' if task == 'multilabel' else 'cross_entropy'}: 1.0}}`"
    ]


def unsuited(loss: Loss, task: str) -> list[str]:
    """What is wrong with the losses for a task; nothing where all of them serve it."""
    idle = [name for name in ("main", "aux", "db") if getattr(loss, name) is not None]
    if task == "multitask" and idle:
        words = "a multitask model does not read it; use `seg` for masks, `det` for boxes"
        return [f"loss.{name}: {words}" for name in idle]
    sums = [(f"loss.{name}", getattr(loss, name)) for name in ("main", "aux", "seg")]
    sums += [
        (f"loss.phases[{i}].{name}", getattr(phase, name))
        for i, phase in enumerate(loss.phases)
        for name in ("main", "aux")
    ]
    serving = [name for name, cls in LOSSES.items() if issubclass(cls, Term) and task in cls.tasks]
    return [
        f"{where}.{name}: for data sets of the task {' or '.join(term.tasks)}, this one's is {task}. Take "
        f"{' or '.join(serving)}"
        for where, terms in sums
        if terms is not None
        for name, term in terms.active().items()
        if task not in term.tasks
    ]

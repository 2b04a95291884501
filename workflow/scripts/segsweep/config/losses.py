"""The section `loss`: weighted sums of losses, their phases, and what weighs two tasks. Each loss is a component."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, SerializeAsAny, TypeAdapter, WrapValidator, create_model, model_validator

from segsweep import registry
from segsweep.config.components import Term
from segsweep.config.settings import Settings, key
from segsweep.own_code.names import own_name

LOSSES = registry.classes("loss")
Detection, Db = LOSSES["detection"], LOSSES["db"]
MASKS = ("binary", "multiclass", "multilabel")  # tasks of masks alone


class WeightedSum(Settings):
    """A weighted sum of losses, by their names; own ones by names like `my/loss.py:build`. At least one."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {r"\.py:\w+$": {}}})

    whole: ClassVar[bool] = True  # whoever writes a sum means these terms and no others
    of_own_keys: ClassVar[type[Settings]] = Term  # own ones

    @model_validator(mode="after")
    def _not_empty(self):
        if not self.active():
            raise ValueError(f"a loss needs at least one term of {', '.join(type(self).model_fields)}")
        if not any(term.weight for term in self.active().values()):
            raise ValueError("the weights of all losses are 0, so that nothing trains. Raise one, or take another loss")
        return self

    @model_validator(mode="after")
    def _own_terms_are_told_apart(self):
        names = [own for name in type(self).model_fields if (own := own_name(name))]
        for one in names:
            if other := next((other for other in names if other != one and other.column == one.column), None):
                raise ValueError(
                    f"{one} and {other} would have one name in tables, {one.column!r}. Rename one of the functions"
                )
        return self

    def active(self) -> dict[str, Term]:
        """The terms that are there, by name; an own one by the name that columns have for it."""
        terms = {name: getattr(self, name) for name in type(self).model_fields}
        return {_column(name): term for name, term in terms.items() if term is not None}


_fields: dict[str, Any] = {
    name: (cls | None, key(None, cls.__doc__.splitlines()[0])) for name, cls in LOSSES.items() if issubclass(cls, Term)
}
Terms = create_model("Terms", __base__=WeightedSum, __module__=__name__, __doc__=WeightedSum.__doc__, **_fields)


@cache
def _with_own(names: tuple[str, ...]) -> type[WeightedSum]:
    """Sums that may have own terms as well."""
    fields: dict[str, Any] = {
        name: (registry.own_component("loss", name) | None, key(None, f"{name}.")) for name in names
    }
    return create_model("Terms", __base__=Terms, __module__=__name__, __doc__=WeightedSum.__doc__, **fields)


def _of_its_terms(value: Any, built_in: Callable[[Any], Any]) -> Any:
    if isinstance(value, WeightedSum):
        return value
    names = [name for name in value if own_name(name)] if isinstance(value, dict) else []
    return _with_own(tuple(names)).model_validate(value) if names else built_in(value)


AnyTerms = Annotated[Terms, SerializeAsAny(), WrapValidator(_of_its_terms)]
_SUM = TypeAdapter(AnyTerms)


def parse_terms(values: dict[str, Any]) -> WeightedSum:
    """A weighted sum as a study writes it."""
    return _SUM.validate_python(values)


def _column(name: str) -> str:
    own = own_name(name)
    return own.column if own else name


ClassWeights = (
    Literal["inverse_frequency", "inverse_log_frequency", "median_frequency"] | list[Annotated[float, Field(ge=0)]]
)


class LossPhase(Settings):
    """What is in force during some epochs; keys that are not set stay as in `loss`."""

    until_epoch: int | None = key(None, "Last epoch of the phase; the last phase has none.", ge=1)
    main: AnyTerms | None = key(None, "Loss of the main head.")
    aux: AnyTerms | None = key(None, "Loss of each auxiliary head.")
    aux_weight: float | None = key(None, "Factor of the auxiliary losses.", ge=0)
    class_weights: ClassWeights | None = key(None, "Class weights.")


class TaskWeights(Settings):
    """Fixed weights of the two tasks."""

    seg: float = key(1.0, "Weight of segmentation.", ge=0)
    det: float = key(1.0, "Weight of detection.", ge=0)


class Loss(Settings):
    """What is minimized: `main` (and `aux`) for segmentation, `seg` and `det` for both at once, `db` for text."""

    main: AnyTerms | None = key(None, "Loss of the main head.", tasks=MASKS, title="main loss")
    aux: AnyTerms | None = key(
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
    seg: AnyTerms | None = key(
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

"""The losses of a run: what makes each term, and the sum of all of them."""

from dataclasses import dataclass

import torch

from segsweep import registry
from segsweep.config.losses import Loss, Terms
from segsweep.losses.class_weights import class_weights
from segsweep.plain_script.build_calls import build_call, literal, shortest
from segsweep.plain_script.copied_code import CopiedCode
from segsweep.plain_script.trained_run import TrainedRun
from segsweep.training.gradients import is_mean_over_pixels


@dataclass(frozen=True)
class Term:
    """A loss in a weighted sum: its name, its factor as it stands before a product ("" of 1), and what makes it."""

    name: str
    factor: str
    call: str


@dataclass(frozen=True)
class Criterion:
    """What is minimized in some epochs.

    Attributes:
        name: of its class in the script.
        last_epoch: in which it is in force.
        main: terms of the main head.
        aux: terms of each auxiliary head; as `main` if None.
        aux_factor: of the auxiliary heads' sum, as of a term.
        class_weights: weights of the classes as the script writes them; empty without any, or where `call` has them.
        call: what makes it.
        accumulator: the function of the script that adds its gradients over several batches.
    """

    name: str
    last_epoch: int
    main: list[Term]
    aux: list[Term] | None
    aux_factor: str
    class_weights: str
    call: str
    accumulator: str


def criteria(code: CopiedCode, run: TrainedRun) -> list[Criterion]:
    """The criterion of each phase of a run; what it is made of is copied."""
    names = ["Criterion"]
    if len(run.losses) > 1:
        names = [f"CriterionUntilEpoch{last}" for last, _ in run.losses[:-1]] + ["LastCriterion"]
    return [_criterion(code, run, name, last, loss) for name, (last, loss) in zip(names, run.losses, strict=True)]


def _criterion(code: CopiedCode, run: TrainedRun, name: str, last_epoch: int, loss: Loss) -> Criterion:
    weights, call = _class_weights(run, loss), f"{name}()"
    if run.prepared.task == "multilabel":
        call = f"OverLabels({call}, {weights or [1.0] * len(run.prepared.classes)})"
        weights = ""
    return Criterion(
        name,
        last_epoch,
        _terms(code, loss.main, run.logits_of_loss, bool(weights)),
        _terms(code, loss.aux, run.logits_of_loss, bool(weights)) if loss.aux and loss.aux != loss.main else None,
        _factor(loss.aux_weight),
        weights,
        call,
        "accumulate_means" if is_mean_over_pixels(loss) else "accumulate_whole",
    )


def _terms(code: CopiedCode, terms: Terms, logits: int, weighted: bool) -> list[Term]:
    arguments = {"classes": str(logits), "class_weights": "class_weights" if weighted else "None"}
    return [
        Term(name, _factor(term.weight), build_call(code, registry.module_name(term), term.model_dump(), arguments))
        for name, term in terms.active().items()
    ]


def _factor(weight: float) -> str:
    return "" if weight == 1 else f"{literal(float(weight))} * "


def _class_weights(run: TrainedRun, loss: Loss) -> str:
    if loss.class_weights is None:
        return ""
    prepared = run.prepared
    counted = map(torch.as_tensor, (prepared.pixel_counts, prepared.image_class_counts, prepared.image_scored_pixels))
    return literal(shortest(class_weights(loss.class_weights, *counted)))

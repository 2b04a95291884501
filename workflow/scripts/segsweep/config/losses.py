"""Losses by name, each with its parameters. `cross_entropy: 1.0` is short for `{weight: 1.0}`."""

from typing import Any, Literal

from pydantic import model_validator

from segsweep.config.settings import Settings, key


class Term(Settings):
    """A loss in a weighted sum."""

    weight: float = key(1.0, "Factor of this loss in the sum.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _number_is_weight(cls, value: Any) -> Any:
        return {"weight": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class CrossEntropy(Term):
    """Cross entropy over the classes."""

    label_smoothing: float = key(0.0, "Share of the target spread over all classes.", ge=0, lt=1)


class OhemCrossEntropy(Term):
    """Cross entropy over the hardest pixels only (online hard example mining)."""

    thresh: float = key(0.7, "Pixels whose true class has at most this probability are hard.", gt=0, lt=1)
    min_kept: float = key(0.0625, "Share of the valid pixels that is kept at least.", gt=0, le=1)


class Bce(Term):
    """Binary cross entropy of one logit."""

    pos_weight: float = key(1.0, "Factor of foreground pixels.", gt=0)


class Focal(Term):
    """Focal loss (Lin et al. 2017), for one logit or for classes."""

    gamma: float = key(2.0, "Exponent; 0 is cross entropy.", ge=0)
    alpha: float | None = key(
        None, "Weight of the foreground (one logit only); 1 - alpha for the background.", ge=0, le=1
    )


class Dice(Term):
    """1 - Dice coefficient over the whole batch, mean over the classes that occur."""

    smooth: float = key(0.0, "Added to numerator and denominator.", ge=0)


class Jaccard(Term):
    """1 - Jaccard index over the whole batch, mean over the classes that occur."""

    smooth: float = key(0.0, "Added to numerator and denominator.", ge=0)


class Tversky(Term):
    """1 - Tversky index (Salehi et al. 2017), mean over the classes that occur."""

    alpha: float = key(0.5, "Weight of false positives.", ge=0)
    beta: float = key(0.5, "Weight of false negatives.", ge=0)
    gamma: float = key(1.0, "Exponent (focal Tversky).", gt=0)
    smooth: float = key(0.0, "Added to numerator and denominator.", ge=0)


class Lovasz(Term):
    """Lovász-softmax over classes, Lovász hinge for one logit (Berman et al. 2018)."""

    per_image: bool = key(False, "Mean over pictures instead of the batch as one.")


class BceDice(Term):
    """bce_weight * BCE + (1 - bce_weight) * Dice, for one logit."""

    bce_weight: float = key(0.5, "Share of BCE; the rest is Dice.", ge=0, le=1)
    dice_smooth: float = key(1e-6, "Added to numerator and denominator of Dice.", ge=0)
    pos_weight: float = key(1.0, "Factor of foreground pixels in BCE.", gt=0)


class Terms(Settings):
    """A weighted sum of losses. At least one."""

    cross_entropy: CrossEntropy | None = key(None, "Cross entropy.")
    ohem_cross_entropy: OhemCrossEntropy | None = key(None, "Cross entropy over the hardest pixels.")
    bce: Bce | None = key(None, "Binary cross entropy.")
    focal: Focal | None = key(None, "Focal loss.")
    dice: Dice | None = key(None, "Dice loss.")
    jaccard: Jaccard | None = key(None, "Jaccard loss.")
    tversky: Tversky | None = key(None, "Tversky loss.")
    lovasz: Lovasz | None = key(None, "Lovász-softmax or Lovász hinge.")
    bce_dice: BceDice | None = key(None, "BCE and Dice mixed.")

    @model_validator(mode="after")
    def _not_empty(self):
        if not self.active():
            raise ValueError(f"a loss needs at least one term of {', '.join(type(self).model_fields)}")
        return self

    def active(self) -> dict[str, Term]:
        """The terms that are there, by name."""
        return {name: term for name in type(self).model_fields if (term := getattr(self, name)) is not None}


ClassWeights = Literal["inverse_frequency", "inverse_log_frequency", "median_frequency"] | list[float]


class Phase(Settings):
    """What is in force during some epochs; keys that are not set stay as in `loss`."""

    until_epoch: int | None = key(None, "Last epoch of the phase; the last phase has none.", ge=1)
    main: Terms | None = key(None, "Loss of the main head.")
    aux: Terms | None = key(None, "Loss of each auxiliary head.")
    aux_weight: float | None = key(None, "Factor of the auxiliary losses.", ge=0)
    class_weights: ClassWeights | None = key(None, "Class weights.")


class Detection(Settings):
    """Losses of the detection head."""

    box: Literal["smooth_l1", "giou", "ciou"] = key("smooth_l1", "Loss of the boxes.")
    focal_alpha: float = key(0.25, "Alpha of the sigmoid focal loss of the classes.", ge=0, le=1)
    focal_gamma: float = key(2.0, "Gamma of the sigmoid focal loss of the classes.", ge=0)
    box_weight: float = key(1.0, "Factor of the box loss against the classes' loss.", ge=0)


class TaskWeights(Settings):
    """Fixed weights of the two tasks."""

    seg: float = key(1.0, "Weight of segmentation.", ge=0)
    det: float = key(1.0, "Weight of detection.", ge=0)


class Db(Settings):
    """Weights of the three parts of the DB loss (Liao et al. 2020, eq. 5)."""

    shrink: float = key(5.0, "Weight of the probability map's loss (BCE with hard negatives).", ge=0)
    threshold: float = key(10.0, "Weight of the threshold map's L1 loss.", ge=0)
    binary: float = key(1.0, "Weight of the approximate binary map's Dice loss.", ge=0)
    negative_ratio: float = key(3.0, "Hard negatives for each positive pixel.", gt=0)


class Loss(Settings):
    """What is minimised: `main` (and `aux`) for segmentation, `seg` and `det` for both at once, `db` for text."""

    main: Terms | None = key(None, "Loss of the main head.")
    aux: Terms | None = key(None, "Loss of each auxiliary head; as `main` if not set.")
    aux_weight: float = key(1.0, "Factor of the auxiliary losses, which are summed over the heads.", ge=0)
    class_weights: ClassWeights | None = key(
        None, "Class weights of cross entropy, OHEM and focal, from the training split's pixel counts or a list."
    )
    phases: list[Phase] = key([], "Changes during training, in order.")
    seg: Terms | None = key(None, "Segmentation loss of a multitask model.")
    det: Detection | None = key(None, "Detection loss of a multitask model.")
    task_weights: TaskWeights | Literal["uncertainty", "gradnorm"] = key(
        TaskWeights(), "Weights of the two tasks: fixed, by uncertainty (Kendall 2018) or GradNorm (Chen 2018)."
    )
    db: Db | None = key(None, "Loss of a DB text detector.")

    @model_validator(mode="after")
    def _phases_in_order(self):
        ends = [phase.until_epoch for phase in self.phases]
        if ends and (ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(set(ends[:-1]))):
            raise ValueError(f"phases need growing until_epoch in all but the last, which has none; got {ends}")
        return self

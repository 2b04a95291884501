"""The kinds of components, a class each. `segsweep.registry` finds a kind's components in its folder of the package.

A component is a file that holds a subclass of its kind's class (its settings and its facts) and the functions that its
kind asks for; each kind's folder says in its `__init__.py` which these are.
"""

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from segsweep.config.settings import Component, Settings, key


class Optimizer(Component):
    """What takes the steps."""

    package: ClassVar[str] = "optimizers"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "adam"

    name: str = key(..., "Which optimizer.")
    lr: float = key(1e-3, "Learning rate.", gt=0)
    weight_decay: float = key(0.0, "Weight decay.", ge=0)


class Warmup(Settings):
    """Linear growth of the learning rate in the first iterations."""

    iterations: int = key(0, "Optimizer steps until the full learning rate.", ge=0)
    lr: float = key(0.0, "Learning rate of the first step.", ge=0)


class Schedule(Component):
    """How the learning rate changes.

    Attributes:
        monitors: whether the rate is reduced when a column no longer improves; the settings then have the keys
            `monitor` and `patience`.
    """

    package: ClassVar[str] = "schedules"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "constant"
    functions: ClassVar[tuple[str, ...]] = ("learning_rate",)
    monitors: ClassVar[bool] = False

    name: str = key(..., "Which schedule.")
    warmup: Warmup = key(Warmup(), "Warm-up, with any schedule.")

    @property
    def looks_at_end(self) -> bool:
        """Whether the learning rate of an early epoch depends on how many epochs there will be."""
        return False


class Init(Settings):
    """How weights are drawn before training."""

    scheme: Literal["default", "xavier", "kaiming", "normal", "orthogonal"] = key(
        "default", "Scheme for convolutions and linear layers; default leaves them as built."
    )
    encoder: bool = key(False, "Draw the encoder's weights as well.")


class Model(Component):
    """The network.

    Attributes:
        tasks: tasks of the data sets that it is for.
    """

    package: ClassVar[str] = "models"
    discriminator: ClassVar[str] = "arch"
    default: ClassVar[str] = "unet"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")

    arch: str = key(..., "Which architecture.")
    encoder: str = key("resnet18", "Encoder, by its name in segmentation_models_pytorch (timm's with `tu-`).")
    encoder_weights: str | None = key(
        None, "Pretrained encoder weights (`imagenet`), or a file, whose content counts, or none."
    )
    activation: Literal["relu", "leaky_relu", "gelu", "elu", "silu"] | None = key(
        None, "Replaces the activation in every layer; none leaves them as built."
    )
    norm: Literal["batch", "group"] = key("batch", "Normalisation layers; group replaces every batch norm.")
    init: Init = key(Init(), "How weights are drawn.")
    dropout: float = key(0.0, "Share of the channels dropped before the last layer of each head.", ge=0, lt=1)
    options: dict[str, Any] = key({}, "Further arguments of the architecture's constructor.")


class Loss(Component):
    """A loss."""

    package: ClassVar[str] = "losses"


class Term(Loss):
    """A loss in a weighted sum. `cross_entropy: 1.0` is short for `cross_entropy: {weight: 1.0}`.

    Attributes:
        pixel_mean: whether it is a mean over the valid pixels, each by itself, so that a batch can be cut into parts.
    """

    pixel_mean: ClassVar[bool] = False

    weight: float = key(1.0, "Factor of this loss in the sum.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _number_is_weight(cls, value: Any) -> Any:
        return {"weight": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Task(Component):
    """A task: what is predicted of an image, from model to scores."""

    package: ClassVar[str] = "tasks"
    discriminator: ClassVar[str] = "name"

    name: str = key(..., "Which task.")


class Sampler(Component):
    """What proposes the settings of a sweep."""

    package: ClassVar[str] = "search/samplers"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "tpe"

    name: str = key(..., "Which sampler.")


class Pruner(Component):
    """Which trials are pruned, and which never."""

    package: ClassVar[str] = "search/pruners"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "none"

    name: str = key(..., "Which rule.")


class Metric(Component):
    """A score, computed from counts.

    Attributes:
        tasks: tasks of the data sets that have it.
    """

    package: ClassVar[str] = "metrics"
    functions: ClassVar[tuple[str, ...]] = ("compute",)
    tasks: ClassVar[tuple[str, ...]]


class Claim(Component):
    """A hypothesis that a study states before its first run."""

    package: ClassVar[str] = "analysis/claims"

"""The kinds of components, a class each. `segsweep.registry` finds a kind's components in its folder of the package.

A component is a file that holds a subclass of its kind's class (its settings and its facts) and the functions that its
kind asks for; each kind's folder says in its `__init__.py` which these are.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from segsweep.config.settings import Component, Settings, key

TASKS = ("binary", "multiclass", "multilabel", "multitask", "text")
OF_OTHER_KEYS = ("lr", "weight_decay", "params")  # arguments of a library's optimizer that are no `options`
PLAIN_ENCODERS = ("plain18", "plain34")  # see `segsweep.models.plain_encoders`


class LrFactor(Settings):
    """Factors of the learning rate, warm-up included. The column `lr` of epochs.csv is the rate without them."""

    encoder: float = key(1.0, "Of the encoder's weights.", gt=0, title="learning rate factor of the encoder")
    decoder: float = key(
        1.0,
        "Of all other weights of the network: decoder, heads, further paths.",
        gt=0,
        title="learning rate factor of the decoder",
    )


UNSCALED = LrFactor()


class Freeze(Settings):
    """A part that does not train: weights, statistics of its norms and state of the optimizer stay, dropout is off."""

    part: Literal["encoder"] = key("encoder", "Which part. `freeze: encoder` is short for `{part: encoder}`.")
    until_epoch: int | None = key(
        None, "Last epoch in which it is frozen; to the end if not set.", unit="epochs", ge=1, title="frozen epochs"
    )

    @model_validator(mode="before")
    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """A name is the part."""
        return {"part": value} if isinstance(value, str) else value


Beta = Annotated[float, Field(ge=0, lt=1)]


class Optimizer(Component):
    """What takes the steps."""

    package: ClassVar[str] = "optimizers"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "adam"
    provides: ClassVar[tuple[str, ...]] = ("params",)

    name: str = key(..., "Which optimizer.", title="optimizer")
    lr: float = key(1e-3, "Learning rate.", gt=0, title="learning rate")
    weight_decay: float = key(0.0, "Weight decay.", ge=0, title="weight decay")
    weight_decay_on: Literal["all", "weights"] = key(
        "all",
        "All of the network, or its weights only: no decay of biases and of what has one dimension (norms).",
        title="parameters that decay",
    )
    lr_factor: LrFactor = key(UNSCALED, "Factors of the learning rate.")
    freeze: Freeze | None = key(None, "A part that does not train, for some epochs or for all.", title="frozen part")

    @property
    def names_parts(self) -> bool:
        """Whether it treats encoder and decoder apart."""
        return self.freeze is not None or self.lr_factor != UNSCALED


class LibraryOptimizer(Optimizer):
    """An optimizer of a library, by its name there: `torch.RMSprop`, `timm.lamb`."""

    options: dict[str, Any] = key({}, "Further arguments of its constructor, by the library's names and defaults.")

    @field_validator("options")
    @classmethod
    def _none_of_ours(cls, options: dict[str, Any]) -> dict[str, Any]:
        if taken := [name for name in OF_OTHER_KEYS if name in options]:
            raise ValueError(f"{', '.join(taken)} cannot be set here; use the keys of optimizer")
        if wrong := [name for name in ("maximize", "differentiable") if name in options]:
            raise ValueError(f"{', '.join(wrong)}: a loss is minimized here, by plain steps; leave it out")
        return options


class Warmup(Settings):
    """Linear growth of the learning rate in the first iterations."""

    iterations: int = key(0, "Length of the warm-up, in its unit.", ge=0, title="warm-up iterations")
    unit: Literal["steps", "batches", "epochs"] = key(
        "steps",
        "What an iteration is: a step of the optimizer, a batch (of which `accumulate` make a step), or an epoch.",
    )
    lr: float = key(0.0, "Learning rate of the first step.", ge=0)


class Schedule(Component):
    """How the learning rate changes.

    Attributes:
        monitors: whether the rate is reduced when a column no longer improves; the settings then have the key
            `monitor`, and the file the function `after_epoch(settings, state, value, minimize)`.
    """

    package: ClassVar[str] = "schedules"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "constant"
    functions: ClassVar[tuple[str, ...]] = ("learning_rate",)
    provides: ClassVar[tuple[str, ...]] = ("base", "progress")
    monitors: ClassVar[bool] = False

    name: str = key(..., "Which schedule.", title="schedule")
    warmup: Warmup = key(Warmup(), "Warm-up, with any schedule.")

    @property
    def first_fall(self) -> int | None:
        """Of a schedule in steps, the epochs after which the rate falls for the first time; None of any other."""
        return None

    @property
    def looks_at_end(self) -> bool:
        """Whether the learning rate of an early epoch depends on how many epochs there will be."""
        return False


class Init(Settings):
    """How weights are drawn before training."""

    scheme: Literal["default", "xavier", "kaiming", "normal", "orthogonal"] = key(
        "default", "Scheme for convolutions and linear layers; default leaves them as built.", title="initialisation"
    )
    encoder: bool = key(False, "Draw the encoder's weights as well.")


class Network(Component):
    """The keys of all networks, also of one that is made by a function of a person's own.

    Attributes:
        tasks: tasks of the data sets that it is for.
        has_encoder: whether it has an encoder: modules under an attribute named `encoder`.
    """

    discriminator: ClassVar[str] = "arch"
    provides: ClassVar[tuple[str, ...]] = ("classes", "in_channels")
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel")
    has_encoder: ClassVar[bool] = True

    arch: str = key(..., "Which architecture.", title="architecture")
    activation: Literal["relu", "leaky_relu", "gelu", "elu", "silu"] | None = key(
        None, "Replaces the activation in every layer; none leaves them as built.", title="activation"
    )
    norm: Literal["batch", "group"] = key("batch", "Normalisation layers; group replaces every batch norm.")
    init: Init = key(Init(), "How weights are drawn.")
    dropout: float = key(
        0.0, "Share of the channels dropped before the last layer of each head.", ge=0, lt=1, title="dropout"
    )


class Model(Network):
    """The network."""

    package: ClassVar[str] = "models"
    default: ClassVar[str] = "unet"
    own_base: ClassVar[Any] = Network

    encoder: str = key(
        "resnet18",
        "Encoder, by its name in segmentation_models_pytorch (timm's with `tu-`); `plain18` and `plain34` are ResNets "
        "without their shortcuts.",
        title="encoder",
    )
    encoder_weights: str | None = key(
        None, "Pretrained encoder weights (`imagenet`), or a file, whose content counts, or none."
    )
    options: dict[str, Any] = key({}, "Further arguments of the architecture's constructor.")

    @model_validator(mode="after")
    def _weights_exist(self):
        if self.encoder in PLAIN_ENCODERS and self.encoder_weights == "imagenet":
            raise ValueError(
                f"the encoder {self.encoder} has no weights `imagenet`. Set encoder_weights to null, give the path of "
                "a file, or choose another encoder (resnet18)"
            )
        return self


class Loss(Component):
    """A loss. One that is no term of a weighted sum belongs to a task, which makes it."""

    package: ClassVar[str] = "losses"
    functions: ClassVar[tuple[str, ...]] = ()


class Term(Loss):
    """A loss in a weighted sum. `cross_entropy: 1.0` is short for `cross_entropy: {weight: 1.0}`.

    Attributes:
        pixel_mean: whether it is a mean over the valid pixels, each by itself, so that a batch can be cut into parts.
        asks_present: whether its module's `forward` takes the classes of each image besides, None where they are not
            known. See `segsweep.losses.present_classes`.
        tasks: tasks of the data sets that it is for. Several labels a pixel are a binary output for each.
    """

    functions: ClassVar[tuple[str, ...]] = ("build",)
    provides: ClassVar[tuple[str, ...]] = ("classes", "class_weights")
    asks_present: ClassVar[bool] = False
    pixel_mean: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")

    weight: float = key(1.0, "Factor of this loss in the sum.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """A number is the weight."""
        return {"weight": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Loss.own_base = Term


class OverlapTerm(Term):
    """A loss that is one minus a coefficient of overlap, mean over the classes."""

    absent: Literal["skip", "count"] | None = key(
        None,
        "A class without a pixel of ground truth in the batch: `skip` leaves it out of the mean, `count` lets what is "
        "predicted of it count against it; not set: `count` if smooth is above 0.",
    )

    @model_validator(mode="after")
    def _counted_classes_have_gradients(self):
        if self.absent == "count" and getattr(self, "smooth", None) == 0:
            raise ValueError(
                "absent: count with smooth 0: a class without ground truth has the loss 1 and no gradient, whatever "
                "is predicted. Set smooth to the order of pixels, 1 for example, or absent to skip"
            )
        return self


class Task(Component):
    """A task: what is predicted of an image, from model to counts.

    Attributes:
        stitched: whether its predictions of patches can be stitched to whole pages.
    """

    package: ClassVar[str] = "tasks"
    discriminator: ClassVar[str] = "name"
    stitched: ClassVar[bool] = False

    name: str = key(..., "Which task.")


class Metric(Component):
    """A score, computed from counts: of the validation split, or of single images.

    Attributes:
        tasks: tasks of the data sets that have it.
        usual_of: tasks that are usually judged by it.
        direction: which values are better.
        range: lowest and highest value; None where there is no bound.
        each_class: whether it is one score for each class: of `all`, or of `objects` (all but the background).
        of_splits, of_images: whether a split, and a single image, has it.
        of_batches: whether it is a mean over the batches of validation, no function of the split's counts: it is
            measured while the studies train that name it, and by `evaluate_run`.
        own_counts: name of the counts that its file's `count` makes of predictions; training does not record them, so
            that it is a metric of `evaluate_run` only.
    """

    package: ClassVar[str] = "metrics"
    functions: ClassVar[tuple[str, ...]] = ("compute",)
    provides: ClassVar[tuple[str, ...]] = ("counts", "classes")
    gives_settings: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]]
    usual_of: ClassVar[tuple[str, ...]] = ()
    direction: ClassVar[Literal["maximize", "minimize"]] = "maximize"
    range: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    each_class: ClassVar[Literal["all", "objects"] | None] = None
    of_splits: ClassVar[bool] = True
    of_images: ClassVar[bool] = True
    of_batches: ClassVar[bool] = False
    own_counts: ClassVar[str | None] = None

    @classmethod
    def result_of(cls, result: Any) -> Any:
        """Scores by name: of a function of own code that gives one score, by the function's."""
        return result if isinstance(result, dict) else {cls.own.name.function: result}


class OwnMetric(Metric):
    """A score that a function of own code computes, where its file has no class of facts for it."""

    tasks: ClassVar[tuple[str, ...]] = TASKS
    range: ClassVar[tuple[float | None, float | None]] = (None, None)


Metric.own_base = OwnMetric


class Trainer(Component):
    """What trains a segment."""

    package: ClassVar[str] = "trainers"


class Claim(Component):
    """A hypothesis that is stated before the first run."""

    package: ClassVar[str] = "analysis/claims"


class StudyClaim(Claim):
    """One of a study's `claims`. Which kind it is, is told by the key that has the name of its file.

    Attributes:
        needs: key of a study without which there is nothing that it could be judged by; None where there always is.
    """

    needs: ClassVar[str | None] = None

    id: str = key(..., "Its name.")
    claim: str = key(..., "In words.")

    def axes(self) -> list[str]:
        """Axes that it speaks of."""
        return []

    def levels(self) -> list[tuple[str, Any]]:
        """Levels that it speaks of, each with its axis."""
        return []

    def bars(self) -> tuple[float, float] | None:
        """The score that is a success, and one that is acceptable; None where it speaks of none."""
        return None


class ColumnClaim(StudyClaim):
    """A claim on a column of runs.csv, in some of the cells."""

    of: str | None = key(None, "Column of runs.csv that it speaks of; the study's metric if not set.")
    where: dict[str, Any] = key({}, "Only cells with these settings.")

    def axes(self) -> list[str]:
        """Axes that it speaks of."""
        return list(self.where)

    def levels(self) -> list[tuple[str, Any]]:
        """Levels that it speaks of, each with its axis."""
        return list(self.where.items())


class Section(Component):
    """A section of the report.

    Attributes:
        title: its heading.
        order: sections follow each other by this number.
    """

    package: ClassVar[str] = "report/sections"
    order: ClassVar[int]


class Exporter(Component):
    """A form of a finished report for use elsewhere.

    Attributes:
        title: what it makes, in words.
        needs_program: what a machine may lack that it starts, in words; empty where it needs nothing. It then raises
            `segsweep.errors.InputError`, and the others export all the same.
    """

    package: ClassVar[str] = "report/exporters"
    functions: ClassVar[tuple[str, ...]] = ("export",)
    needs_program: ClassVar[str] = ""


class Tracker(Component):
    """A tracker of experiments, which is told of a study's runs.

    Attributes:
        title: its name.
        environment: variables of its library that are set where a person has not set them; `{folder}` is the absolute
            path of the tracker's own folder, `{study}` the name of the study.
        look: the command that shows what it holds; `{folder}` is its folder.
    """

    package: ClassVar[str] = "trackers"
    functions: ClassVar[tuple[str, ...]] = ("begin",)
    environment: ClassVar[dict[str, str]] = {}
    look: ClassVar[str]


class PredictionFormat(Component):
    """A form of files that predictions are written to.

    Attributes:
        title: what it makes, in words.
        tasks: tasks of the data sets whose predictions it can hold.
        usual_of: tasks whose predictions are written so where no format is asked for.
    """

    package: ClassVar[str] = "inference/prediction_formats"
    functions: ClassVar[tuple[str, ...]] = ("Writer",)
    tasks: ClassVar[tuple[str, ...]] = TASKS
    usual_of: ClassVar[tuple[str, ...]] = ()


class ImageSampling(Component):
    """How often an epoch has each training image. (What proposes trials is a `Sampler`.)

    Attributes:
        tasks: tasks of the data sets that it is for.
    """

    package: ClassVar[str] = "data/image_sampling"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "uniform"
    functions: ClassVar[tuple[str, ...]] = ("weights",)
    provides: ClassVar[tuple[str, ...]] = ("pixels", "present")
    tasks: ClassVar[tuple[str, ...]] = tuple(task for task in TASKS if task != "text")

    name: str = key(..., "How often each image is drawn.", title="image sampling")

    def refusal(self, task: str) -> str | None:
        """Why the images of a data set of some task cannot be sampled so; None where they can."""
        if task in self.tasks:
            return None
        return (
            f"data.image_sampling: {self.name} goes by the classes of masks, and data of the task {task} has none. "
            "Choose `name: uniform`."
        )


class Augmentation(Component):
    """What makes a transform of images: a function of a person's own. Others are files of config/augmentations."""

    package: ClassVar[str] = "data/augmentation"
    provides: ClassVar[tuple[str, ...]] = ("pixels",)

"""What all components of a kind have in common: their base classes."""

from typing import ClassVar, Literal

from segsweep.config.settings import Settings


class Component(Settings):
    """The settings and the facts of a component."""

    revision: ClassVar[int] = 1


class Metric(Component):
    """A score, of the validation split or of single images. See `segsweep.metrics`.

    Attributes:
        title: for people: `mIoU`.
        tasks: whose data has it.
        usual_of: tasks that are usually judged by it.
        direction: maximize or minimize.
        range: lowest and highest value; None where there is no bound.
        each_class: whether it is one score for each class: of `all`, or of `objects` (all but the background).
        of_splits, of_images: whether a split, and a single image, has it.
    """

    title: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    usual_of: ClassVar[tuple[str, ...]] = ()
    direction: ClassVar[Literal["maximize", "minimize"]] = "maximize"
    range: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    each_class: ClassVar[Literal["all", "objects"] | None] = None
    of_splits: ClassVar[bool] = True
    of_images: ClassVar[bool] = True


class Trainer(Component):
    """What trains a segment. See `segsweep.trainers`."""

"""What the labels of annotations mean, as values of the masks that are drawn from them."""

from dataclasses import dataclass

from segsweep.config.annotated_dataset import ALL_OTHERS, VOID_PIXELS, AnnotatedDataset
from segsweep.data.classes import class_table
from segsweep.data.void import VOID

NO_LABEL = -1  # of a multilabel task: what draws none of the labels


@dataclass(frozen=True)
class LabelTable:
    """What labels mean, as values of the masks that are drawn.

    Attributes:
        values: of each known label; of a multilabel task the channel, or `NO_LABEL`.
        others: value of all other labels; None where there may be none.
        boxes: label of a box, 0-based over the classes without background, of each label that has boxes.
        unannotated: value of pixels in no annotation.
        void: value of void pixels.
        channels: number of labels of a multilabel task, else 0.
    """

    values: dict[str, int]
    others: int | None
    boxes: dict[str, int]
    unannotated: int
    void: int
    channels: int

    def value(self, label: str) -> int | None:
        """Value of a label; None where the data set does not say what it means."""
        return self.values.get(label, self.others)


def label_table(dataset: AnnotatedDataset) -> LabelTable:
    """What the labels of a data set's annotations mean.

    Raises:
        InputError: as `class_table`.
    """
    table = class_table(dataset)
    void = table.index.index(VOID)
    if table.by_label:
        values = {name: channel for channel, name in enumerate(table.names)}
        background, unannotated = NO_LABEL, void if dataset.unannotated == VOID_PIXELS else NO_LABEL
    else:
        values = {name: table.index.index(index) for index, name in enumerate(table.names)}
        background = unannotated = values.get(dataset.unannotated, void)
    roles = dict.fromkeys(dataset.background_labels, background)
    roles |= dict.fromkeys(dataset.void_labels, void)
    boxes = {name: index for index, name in enumerate(table.names[1:])}
    return LabelTable(
        values | {label: value for label, value in roles.items() if label != ALL_OTHERS},
        roles.get(ALL_OTHERS),
        {name: label for name, label in boxes.items() if name not in roles},
        unannotated,
        void,
        len(table.names) if table.by_label else 0,
    )

"""The keys of data sets whose labels have names: annotations as tools export them, outlines each with its label."""

from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.dataset_keys import BY_LABEL, Dataset
from segsweep.config.settings import key

BACKGROUND, VOID_PIXELS = "background", "void"  # values of `unannotated` that are no class
ALL_OTHERS = "*"


class AnnotatedDataset(Dataset):
    """A data set whose files say which outlines have which label. Base of all readers of such files.

    The names of `classes` are the labels; their numbers say no more than the order.
    """

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    names_select: ClassVar[tuple[str, ...]] = tasks

    void: list[int] = key([255], "Value of void pixels in the masks that are drawn.", min_length=1, max_length=1)
    unannotated: str = key(
        BACKGROUND,
        "What pixels in no annotation are: a class, by its name, or `void`. Of a multilabel task, `background` stands "
        "for pixels without a label.",
    )
    background_labels: list[str] = key(
        [],
        "Labels that are drawn as what pixels in no annotation are, and of a multilabel task as none of the labels; "
        "`*` stands for all that are named nowhere.",
    )
    void_labels: list[str] = key(
        [], "Labels that are drawn as void, over all others; `*` stands for all that are named nowhere."
    )

    overlaps: Literal["later", "smaller"] = key(
        "later",
        "Which of two annotations is seen where they overlap: the one that comes later in the file, or the smaller one "
        "(a cup on a table). Of a multilabel task, both are.",
    )

    @model_validator(mode="after")
    def _labels_fit(self):
        names = list(self.classes.values()) if isinstance(self.classes, dict) else []
        by_label = self.task in BY_LABEL
        allowed = [*([BACKGROUND] if by_label else names), VOID_PIXELS]
        if isinstance(self.classes, dict) and self.unannotated not in allowed:
            raise ValueError(
                f"unannotated is {self.unannotated!r}, which pixels in no annotation cannot be; allowed: "
                f"{', '.join(allowed)}. Say `unannotated: void`, name a class"
                + ("" if by_label else f", or add one: classes: {{0: {BACKGROUND}, ...}}")
            )
        if self.task == "multitask" and self.unannotated not in (*names[:1], BACKGROUND, VOID_PIXELS):
            raise ValueError(
                f"unannotated is {self.unannotated!r}; of a multitask data set it is the first class, which has no "
                f"boxes ({names[0] if names else BACKGROUND}), or void. Correct it, or the order of classes"
            )
        if self.background_labels and self.unannotated == VOID_PIXELS and not by_label:
            raise ValueError(
                f"background_labels names {', '.join(self.background_labels)}, but with `unannotated: void` there is "
                "no class for them. Name them in `void_labels`, or the class in `unannotated`"
            )
        roles = [*dict.fromkeys(names), *dict.fromkeys(self.background_labels), *dict.fromkeys(self.void_labels)]
        twice = sorted({name for name in roles if roles.count(name) > 1})
        # A class that nothing but pixels without annotations has may have annotations of its name.
        if twice := [name for name in twice if name != self.unannotated or name in self.void_labels]:
            raise ValueError(
                f"{', '.join(map(repr, twice))}: a label is a class, in background_labels or in void_labels, and in "
                "one of them only. Take it out of the others"
            )
        return self

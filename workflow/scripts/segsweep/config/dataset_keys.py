"""The keys of a data set's file that all readers share; each reader adds its own (see `segsweep.data.readers`)."""

from typing import Any, ClassVar, Literal

from pydantic import NonNegativeInt, field_validator, model_validator

from segsweep.config.components import TASKS
from segsweep.config.display import Display
from segsweep.config.settings import Component, Settings, key
from segsweep.config.split_keys import FORMS, LISTS, GroupPattern, Splits, form_of, names_are_usable

BY_LABEL = ("multilabel",)  # tasks whose pixels may carry several classes (labels), or none
MOST_LABELS = 7  # bits of a mask's byte: with eight, all labels together would be 255, which is void


class Dataset(Component):
    """A data set: where its files lie and what they mean. These are the keys of all readers; each reader adds its own.

    Attributes:
        tasks: that the files of the reader can serve.
        names_select: those of them for which the names of classes select labels in the files.
        split_forms: that `splits` can have (see `segsweep.config.split_keys`).
        cuts_files: whether what stands in its lists may be several images.
    """

    package: ClassVar[str] = "data/readers"
    discriminator: ClassVar[str] = "reader"
    functions: ClassVar[tuple[str, ...]] = ("read",)
    provides: ClassVar[tuple[str, ...]] = ("root",)
    tasks: ClassVar[tuple[str, ...]] = TASKS
    names_select: ClassVar[tuple[str, ...]] = ()
    split_forms: ClassVar[tuple[str, ...]] = (LISTS, *FORMS)
    cuts_files: ClassVar[bool] = False

    name: str = key(..., "Name; the file's own.", outcome=False, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str | None = key(None, "Title in reports.", outcome=False)
    reader: str = key(..., "Format of the files.")
    root: str = key("", "Folder of the data set, under data_root.", outcome=False)
    splits: Splits = key(
        {"train": "train.txt", "val": "val.txt"},
        "Split: list of names; or `{folders: [train, val]}`, `{table: splits.csv}`, `{random: {val: 0.2}}`.",
        outcome=False,
    )
    group: GroupPattern | None = key(
        None,
        "Group of an image, by its name: images of one group (patient, page, tile) never lie in two splits or folds. "
        "`'{name:.4}'`: its first four letters; or a regular expression with one group: `'(.+)_slice'`.",
        outcome=False,  # of folds and of drawn splits alone: see `segsweep.planning.data_address`
    )
    allow_duplicates: bool = key(
        False,
        "Images with the same pixels may lie in two splits. Scores are then better than they should be.",
        outcome=False,
    )
    task: Literal[TASKS] = key(
        "multiclass",
        "A binary output, one of several classes, several labels a pixel, masks and boxes, or text.",
        validate_default=True,
    )
    classes: dict[int, str] | Literal["voc", "cityscapes"] | None = key(
        None, "Value in the mask (multilabel: channel): name, in the order of the outputs; or a known list."
    )
    void: list[int] = key(
        [],
        "Values that count in no loss and no score. Of a multilabel task, a pixel that is void in the mask of one "
        "label is void for all labels.",
    )
    channels: int | None = key(
        None,
        "Channels of the images; null: as many as there are, gray as three equal ones. With 1 gray stays one channel.",
        ge=1,
    )
    page: NonNegativeInt | Literal["channels"] | None = key(
        None,
        "Of images in files of several (TIFF, GIF, DICOM): which one, from 0; `channels`: each page is a channel. "
        "Files of several are refused where nothing is said.",
    )
    alpha: Literal["drop"] | None = key(
        None,
        "`drop`: the alpha channel of images is left out even where pixels are transparent, which is refused where "
        "nothing is said. Counted among `channels`, alpha is a channel like the others.",
    )
    orientation: Literal["exif", "ignore"] = key(
        "exif", "Images are turned as EXIF says; `ignore`: their labels were drawn on the unturned pixels."
    )
    foreground: str | None = key(None, "Class that the one output of a binary task means.")
    display: Display = key(
        Display(), "How images are shown to people; needed only where they are not 8-bit RGB.", outcome=False
    )
    licence: str = key("", "Licence of the data.", outcome=False)
    source: str = key("", "Where the data comes from.", outcome=False)

    @property
    def drawn_by(self) -> str | None:
        """The module that draws the images; None where they come from files."""
        return None

    @field_validator("task")
    @classmethod
    def _served(cls, task: str) -> str:
        if task not in cls.tasks:
            served = ", ".join(cls.tasks)
            raise ValueError(f"the files of this reader cannot serve {task!r}; they can serve: {served}")
        return task

    @field_validator("splits", mode="before")
    @classmethod
    def _have_a_form(cls, splits: Any) -> Any:
        if not isinstance(splits, dict | Settings):
            raise ValueError(
                f"found {splits!r}; write a list of names for each split, {{train: train.txt, val: val.txt}}, or "
                "{folders: [train, val]}, {table: splits.csv} or {random: {val: 0.2}}"
            )
        return splits

    @field_validator("splits")
    @classmethod
    def _form_is_known(cls, splits: Splits) -> Splits:
        if (form := form_of(splits)) not in cls.split_forms:
            raise ValueError(f"this reader does not take the form {form}; it takes: {', '.join(cls.split_forms)}")
        if form == LISTS:
            names_are_usable(splits)
        return splits

    @model_validator(mode="after")
    def _one_group(self):
        if self.group and getattr(self.splits, "group", None):
            raise ValueError("group is named here and in splits. Leave out one of them")
        return self

    @model_validator(mode="after")
    def _classes_fit(self):
        if self.task == "text":
            return self
        if self.classes is None:
            raise ValueError("classes is missing: say which value in the masks means what")
        if self.task == "binary":
            names = list(self.classes.values()) if isinstance(self.classes, dict) else []
            if len(names) != 2 or self.foreground not in names:
                raise ValueError(
                    f"a binary task has two classes, one of them named by foreground; got {names} and {self.foreground}"
                )
        if self.task in BY_LABEL and self.foreground is not None:
            raise ValueError("a multilabel task has an output for each label, and foreground names one; leave it out")
        if self.task in BY_LABEL and (
            not isinstance(self.classes, dict)
            or list(self.classes) != list(range(len(self.classes)))
            or not 1 <= len(self.classes) <= MOST_LABELS
        ):
            raise ValueError(
                f"a multilabel task has 1 to {MOST_LABELS} labels, by their channels: {{0: crack, 1: spalling}}; got "
                f"{self.classes}. Number them from 0"
            )
        return self

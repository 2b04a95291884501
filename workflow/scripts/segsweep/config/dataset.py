"""A data set: where its files lie and what they mean."""

from typing import Literal

from pydantic import model_validator

from segsweep.config.settings import Settings, key

TASKS = ("binary", "multiclass", "multitask", "text")


class Demo(Settings):
    """What the demo generator draws. Deterministic: these numbers are the data."""

    kind: Literal["shapes", "words"] = key("shapes", "Textured shapes in clutter, or rendered words.")
    train: int = key(48, "Training images.", unit="images", ge=1)
    val: int = key(24, "Validation images.", unit="images", ge=1)
    size: tuple[int, int] = key((96, 96), "Image size.", unit="pixels, height and width")
    classes: int = key(4, "Kinds of shapes.", ge=1, le=6)
    noise: float = key(0.15, "Strength of noise and clutter.", ge=0, le=1)
    seed: int = key(0, "Seed of the drawings.", ge=0)


class Dataset(Settings):
    """A data set file of config/datasets."""

    name: str = key(..., "Name; the file's own.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str | None = key(None, "Title in reports.", outcome=False)
    reader: Literal["folder", "voc", "cityscapes", "icdar", "demo"] = key(..., "Format of the files.")
    root: str = key("", "Folder of the data set, under data_root.", outcome=False)
    images: str = key("images/{name}.jpg", "Pattern of the images (folder); {split} and {name} are filled in.")
    masks: str = key("masks/{name}.png", "Pattern of the masks (folder).")
    splits: dict[str, str] = key(
        {"train": "train.txt", "val": "val.txt"}, "Split: list of names, or folder (cityscapes)."
    )
    task: Literal[TASKS] = key("multiclass", "A binary output, one of several classes, masks and boxes, or text.")
    classes: dict[int, str] | Literal["voc", "cityscapes"] | None = key(
        None, "Value in the mask: name, in the order of the outputs; or a known list."
    )
    void: list[int] = key([], "Values that count in no loss and no score.")
    foreground: str | None = key(None, "Class that the one output of a binary task means.")
    demo: Demo | None = key(None, "What to draw (reader demo).")
    licence: str = key("", "Licence of the data.", outcome=False)
    source: str = key("", "Where the data comes from.", outcome=False)

    @model_validator(mode="after")
    def _consistent(self):
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
        if (self.reader == "demo") != (self.demo is not None):
            raise ValueError("reader demo and the section demo belong together")
        return self

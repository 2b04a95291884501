"""Images that the project draws by itself: shapes in clutter, or words."""

from importlib import import_module
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.dataset_keys import BY_LABEL, Dataset
from segsweep.config.settings import Settings, key
from segsweep.config.train import Size
from segsweep.data.raw_item import Item

SHAPES = ("disc", "square", "triangle", "ring", "cross", "star")


class Demo(Settings):
    """What is drawn. Deterministic: these numbers are the data."""

    kind: Literal["shapes", "overlaps", "words"] = key(
        "shapes", "Textured shapes in clutter, glassy shapes that overlap, or rendered words."
    )
    train: int = key(48, "Training images.", unit="images", ge=1, le=1_000_000)
    val: int = key(24, "Validation images.", unit="images", ge=1, le=1_000_000)
    size: Size = key((96, 96), "Image size.", unit="pixels, height and width")
    classes: int = key(4, "Kinds of shapes.", ge=1, le=len(SHAPES))
    noise: float = key(0.15, "Strength of noise and clutter.", ge=0, le=1)
    seed: int = key(0, "Seed of the drawings.", ge=0)


class DemoDataset(Dataset):
    """Drawn images."""

    split_forms: ClassVar[tuple[str, ...]] = ("lists",)  # which nobody reads: it draws both splits

    reader: Literal["demo"] = key("demo", "Format of the files.")
    demo: Demo = key(..., "What to draw.")

    @property
    def drawn_by(self) -> str:
        """The module that draws the images: that of one kind does not depend on the code of the other."""
        modules = {"shapes": "shapes", "overlaps": "overlaps", "words": "text"}
        return f"segsweep.data.synthetic.{modules[self.demo.kind]}"

    @model_validator(mode="after")
    def _drawing_fits(self):
        goes_with = {"text": "words", "multilabel": "overlaps"}
        if self.demo.kind != goes_with.get(self.task, "shapes"):
            raise ValueError(
                f"a demo of {self.demo.kind} cannot serve the task {self.task}. "
                "Words go with the task text, overlaps with multilabel, shapes with all others"
            )
        names = ["background"] * (self.task not in BY_LABEL) + list(SHAPES[: self.demo.classes])
        drawn = isinstance(self.classes, dict) and list(self.classes) == list(range(len(names)))
        if self.task != "text" and not drawn:
            expected = "{" + ", ".join(f"{value}: {name}" for value, name in enumerate(names)) + "}"
            raise ValueError(
                f"a demo with {self.demo.classes} kinds of shapes has the classes {expected}; found {self.classes}. "
                "Write these (other names will do), or change demo.classes"
            )
        return self


def read(dataset: DemoDataset, root: Path) -> dict[str, list[Item]]:
    """Items of the splits train and val; `root` is not looked at."""
    return import_module(dataset.drawn_by).draw(dataset.demo)


def files(dataset: DemoDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Names of the images; no files, as they are drawn."""
    counts = {"train": dataset.demo.train, "val": dataset.demo.val}
    return {split: [(f"{split}_{number:04d}", []) for number in range(count)] for split, count in counts.items()}

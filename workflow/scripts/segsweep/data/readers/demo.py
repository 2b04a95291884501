"""Images that the project draws by itself: shapes in clutter, or words."""

from importlib import import_module
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from segsweep.config.components import Dataset
from segsweep.config.settings import Settings, key
from segsweep.data.raw_item import Item

SHAPES = ("disc", "square", "triangle", "ring", "cross", "star")


class Demo(Settings):
    """What is drawn. Deterministic: these numbers are the data."""

    kind: Literal["shapes", "words"] = key("shapes", "Textured shapes in clutter, or rendered words.")
    train: int = key(48, "Training images.", unit="images", ge=1)
    val: int = key(24, "Validation images.", unit="images", ge=1)
    size: tuple[int, int] = key((96, 96), "Image size.", unit="pixels, height and width")
    classes: int = key(4, "Kinds of shapes.", ge=1, le=len(SHAPES))
    noise: float = key(0.15, "Strength of noise and clutter.", ge=0, le=1)
    seed: int = key(0, "Seed of the drawings.", ge=0)


class DemoDataset(Dataset):
    """Drawn images."""

    reader: Literal["demo"] = key("demo", "Format of the files.")
    demo: Demo = key(..., "What to draw.")

    @property
    def drawn_by(self) -> str:
        """The module that draws the images: that of one kind does not depend on the code of the other."""
        return {"shapes": "segsweep.data.synthetic.shapes", "words": "segsweep.data.synthetic.text"}[self.demo.kind]

    @model_validator(mode="after")
    def _drawing_fits(self):
        if (self.demo.kind == "words") != (self.task == "text"):
            raise ValueError(
                f"a demo of {self.demo.kind} cannot serve the task {self.task}. "
                "Words go with the task text, shapes with all others"
            )
        names = ["background", *SHAPES[: self.demo.classes]]
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

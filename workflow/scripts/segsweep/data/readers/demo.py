"""Images that the project draws by itself: shapes in clutter, or words."""

from pathlib import Path

from segsweep.config.dataset import Dataset
from segsweep.data.raw_item import Item
from segsweep.errors import InputError


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of the splits train and val; `root` is not looked at.

    Raises:
        InputError: kind, task and classes of the data set do not fit together.
    """
    demo = dataset.demo
    if (demo.kind == "words") != (dataset.task == "text"):
        raise InputError(
            f"data set {dataset.name}: a demo of {demo.kind} cannot serve the task {dataset.task}. "
            "Words go with the task text, shapes with all others."
        )
    if demo.kind == "words":
        from segsweep.data.synthetic import text

        return text.draw(demo)
    from segsweep.data.synthetic import shapes

    names = ["background", *shapes.KINDS[: demo.classes]]
    if not isinstance(dataset.classes, dict) or list(dataset.classes) != list(range(len(names))):
        expected = "{" + ", ".join(f"{value}: {name}" for value, name in enumerate(names)) + "}"
        raise InputError(
            f"data set {dataset.name}: a demo with {demo.classes} kinds of shapes has the classes {expected}; "
            f"found {dataset.classes}. Write these (other names will do), or change demo.classes."
        )
    return shapes.draw(demo)


def files(dataset: Dataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Names of the images; no files, as they are drawn."""
    counts = {"train": dataset.demo.train, "val": dataset.demo.val}
    return {split: [(f"{split}_{number:04d}", []) for number in range(count)] for split, count in counts.items()}

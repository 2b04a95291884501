"""A data set: where its files lie and what they mean."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from segsweep.config.settings import Settings, key
from segsweep.config.yaml_documents import nearest, parse
from segsweep.errors import InputError

TASKS = ("binary", "multiclass", "multitask", "text")


class Dataset(Settings):
    """A data set file of config/datasets: the keys of all readers. Each reader adds its own (`segsweep.data.readers`).

    Facts of a reader:
        tasks: that its files can serve.
        names_select: those of them for which the names of classes select labels in the files.
    """

    tasks: ClassVar[tuple[str, ...]] = TASKS
    names_select: ClassVar[tuple[str, ...]] = ()

    name: str = key(..., "Name; the file's own.", outcome=False, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str | None = key(None, "Title in reports.", outcome=False)
    reader: str = key(..., "Format of the files.")
    root: str = key("", "Folder of the data set, under data_root.", outcome=False)
    splits: dict[str, str] = key({"train": "train.txt", "val": "val.txt"}, "Split: list of names.", outcome=False)
    task: Literal[TASKS] = key(
        "multiclass",
        "A binary output, one of several classes, masks and boxes, or text.",
        validate_default=True,
    )
    classes: dict[int, str] | Literal["voc", "cityscapes"] | None = key(
        None, "Value in the mask: name, in the order of the outputs; or a known list."
    )
    void: list[int] = key([], "Values that count in no loss and no score.")
    foreground: str | None = key(None, "Class that the one output of a binary task means.")
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
        return self


def parse_dataset(values: Mapping[str, Any], location: Callable[[tuple], str] = lambda keys: "data set") -> Dataset:
    """The settings of a data set, of its reader's class. `location(keys)` says where a key stands.

    Raises:
        InputError: with one problem for each thing that is wrong.
    """
    from segsweep.data.readers import classes

    known = classes()
    reader = values.get("reader")
    if reader is None:
        return parse(Dataset, values, location)  # says that it is missing
    if reader not in known:
        raise InputError(f"{location(('reader',))}: reader is {reader!r}. {nearest(str(reader), known)}")
    own = known[reader].model_fields
    owners = {name: [other for other in known if name in known[other].model_fields] for name in set(values) - set(own)}
    problems = [
        f"{location((name,))}: {name!r} is a key of the reader {' or '.join(others)}, not of {reader}. Take it out, or "
        "correct `reader`."
        for name, others in sorted(owners.items())
        if others
    ]
    try:
        dataset = parse(
            known[reader], {name: value for name, value in values.items() if not owners.get(name)}, location
        )
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(*problems)
    return dataset

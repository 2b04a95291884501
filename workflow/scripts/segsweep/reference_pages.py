"""docs/settings.md and docs/components.md: what there is, from the classes of settings and of components."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from segsweep import registry
from segsweep.config.components import PLAIN_ENCODERS, TASKS, Component, Metric
from segsweep.config.encoder_names import ENCODERS
from segsweep.config.load import Request
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.config.yaml_documents import models_in


@dataclass(frozen=True)
class Part:
    """A part of docs/components.md: a kind of components.

    Attributes:
        kind: as in `registry.kinds`.
        title: its heading.
        text: where a component of the kind is named, and what else is to be known.
    """

    kind: str
    title: str
    text: str


PARTS = (
    Part("model", "Models", "`train.model.arch`. The task of the data set chooses among them."),
    Part(
        "loss",
        "Losses",
        "Keys of `train.loss.main`, `aux` and `seg`, with their weight: `{cross_entropy: 1.0, dice: 0.5}`. `db` and "
        "`detection` are sections of `train.loss`, of the tasks `text` and `multitask`. What they mean beside those of "
        "other libraries: [losses.md](losses.md).",
    ),
    Part("optimizer", "Optimizers", "`train.optimizer.name`."),
    Part(
        "schedule",
        "Schedules",
        "`train.scheduler.name`. In the words of torch and Keras: [schedules.md](schedules.md).",
    ),
    Part("imagesampling", "Sampling of training images", "`train.data.image_sampling.name`."),
    Part(
        "dataset",
        "Readers",
        "`reader` in the file of a data set. What each of them reads: [data.md](data.md).",
    ),
    Part("sampler", "Samplers of sweeps", "`sweep.sampler`. See [sweeps.md](sweeps.md)."),
    Part("pruner", "Pruners of sweeps", "`sweep.pruner.name`. See [sweeps.md](sweeps.md#pruners)."),
    Part("claim", "Claims", "An entry of `claims` has the key of its kind; `expect` is a key of a listed run."),
    Part("exporter", "Forms of the report", "`make export`. See [export.md](export.md)."),
    Part(
        "tracker", "Trackers", "`exporters` in `config/config.yaml`, or `make track`. See [trackers.md](trackers.md)."
    ),
    Part("predictionformat", "Formats of predictions", "`formats` of `make predict`. See [predict.md](predict.md)."),
)


def settings_page() -> str:
    """All keys of all settings as tables."""
    lines = ["# All settings", "", "Generated from the settings' classes by `make schemas`.", ""]
    for cls in settings_classes():
        lines += [f"## {cls.__name__}", "", cleandoc(cls.__doc__ or ""), ""]
        lines += ["| key | type | default | unit | meaning |", "| --- | --- | --- | --- | --- |"]
        for name, field in cls.model_fields.items():
            unit = (field.json_schema_extra or {}).get("unit", "")
            kind, default = _type_in_words(field.annotation), _default_or_required(field)
            lines.append(f"| `{field.alias or name}` | {kind} | {default} | {unit} | {field.description} |")
        lines.append("")
    return "\n".join(lines)


def settings_classes() -> list[type[BaseModel]]:
    """The classes of all YAML files, each followed by those of its sections that were not there yet."""
    seen: dict[type[BaseModel], None] = {}
    todo: list[type[BaseModel]] = [Study, Train, *registry.classes("dataset").values(), Request]
    while todo:
        cls = todo.pop(0)
        if cls not in seen:
            seen[cls] = None
            todo += [one for field in cls.model_fields.values() for one in models_in(field.annotation)]
    return list(seen)


def components_page(root: Path) -> str:
    """All components, kind by kind; `root` is the folder of the project, whose augmentations are listed."""
    lines = [
        "# Components",
        "",
        "What a study can name, with the keys that each has and their defaults; behind a name is the table of all",
        "its keys. Generated from the code by `make schemas`. A component of your own: [own_code.md](own_code.md);",
        "one for all studies: [CONTRIBUTING.md](../CONTRIBUTING.md#recipes).",
        "",
        *_metrics(),
        "",
    ]
    for part in PARTS:
        lines += [*_table(part), ""]
        if part.kind == "model":
            lines += [*_encoders(), ""]
        if part.kind == "imagesampling":
            lines += [*_augmentations(root), ""]
    return "\n".join(lines[:-1]) + "\n"


def _table(part: Part) -> list[str]:
    """A kind: its components, those of one class in one row, and the keys that all of them have."""
    base = registry.kinds()[part.kind]
    groups: dict[type[Component], list[str]] = {}
    for name, cls in registry.classes(part.kind).items():
        groups.setdefault(cls, []).append(name)
    documented, tasks = set(settings_classes()), any(hasattr(cls, "tasks") for cls in groups)
    shared = _shared_keys(base, groups)
    lines = [f"## {part.title}", "", part.text, ""]
    if shared:
        lines += [f"All have the keys {_keys(next(iter(groups)), shared)}.", ""]
    own = {cls: [one for one in cls.model_fields if one not in shared and one != base.discriminator] for cls in groups}
    columns = ["name", "what it is", *["keys and their defaults"] * any(own.values()), *["tasks"] * tasks]
    lines += [_row(columns), _row(["---"] * len(columns))]
    for cls, names in groups.items():
        shown = ", ".join(f"`{name}`{' (default)' * (name == base.default)}" for name in names)
        if cls in documented and len(names) == 1:
            shown = re.sub("`.+`", lambda name, cls=cls: f"[{name[0]}](settings.md#{cls.__name__.lower()})", shown)
        keys = [_keys(cls, own[cls])] * any(own.values())
        lines.append(_row([shown, _what(cls), *keys, *[", ".join(getattr(cls, "tasks", ()))] * tasks]))
    return lines


def _shared_keys(base: type[Component], classes: Iterable[type[Component]]) -> list[str]:
    """Keys that all components of a kind have, with the same default; without that of the name."""
    first, *others = (
        {name: _default_or_required(field) for name, field in cls.model_fields.items()} for cls in classes
    )
    common = [name for name, default in first.items() if all(one.get(name) == default for one in others)]
    return [name for name in common if name != base.discriminator]


def _keys(cls: type[BaseModel], names: list[str]) -> str:
    """Keys of a class with their defaults."""
    fields = ((cls.model_fields[name].alias or name, cls.model_fields[name]) for name in names)
    return ", ".join(f"`{name}`: {_default_or_required(field)}" for name, field in fields)


def _what(cls: type[Component]) -> str:
    """The first line of a class's docstring."""
    return cleandoc(cls.__doc__ or "").partition("\n")[0]


def _metrics() -> list[str]:
    """All metrics, with the tasks that have them."""
    lines = [
        "## Metrics by task",
        "",
        "`metric: val/miou` ranks the runs of a study, `also_report: [val/dice]` shows others. ● is the usual one of a",
        "task, ○ one that it has. Besides, all tasks have `val/loss`, lower is better. What scores are made of:",
        "[metrics.md](metrics.md); what a model costs: [objectives.md](objectives.md).",
        "",
        _row(["name", "what it is", "range", *TASKS]),
        _row(["---", "---", "---", *[":---:"] * len(TASKS)]),
    ]
    for name, cls in registry.classes("metric").items():
        marks = ["●" if task in cls.usual_of else "○" if task in cls.tasks else "" for task in TASKS]
        lines.append(_row([_column(name, cls), f"{_what(cls)} {_where(cls)}".strip(), _range(cls), *marks]))
    return lines


def _column(name: str, cls: type[Metric]) -> str:
    """How a study names a metric."""
    if cls.own_counts or not cls.of_splits:
        return f"`{name}`"
    return f"`val/{name}/CLASS`" if cls.each_class else f"`val/{name}`"


def _where(cls: type[Metric]) -> str:
    """Where a metric that is no column of a study's runs is found."""
    if cls.own_counts:
        return "By `evaluate_run` only."
    return "" if cls.of_splits else "Of single images only."


def _range(cls: type[Metric]) -> str:
    lowest, highest = cls.range
    scale = f"{lowest:g} to {highest:g}" if highest is not None else f"from {lowest:g}"
    return scale + ", lower is better" * (cls.direction == "minimize")


def _encoders() -> list[str]:
    """The encoders of segmentation_models_pytorch, a family in a row."""
    known = json.loads(ENCODERS.read_text(encoding="utf-8"))
    families: dict[str, list[str]] = {}
    for name in known["smp"]:
        families.setdefault(re.match(r"(?:timm-)?(?:tf_)?[a-z_]*[a-z]", name)[0], []).append(name)
    lines = [
        "### Encoders",
        "",
        "`train.model.encoder`, and `encoder_weights`: one of the names below, or a file. Encoders of timm, of which",
        f"it has {len(known['timm'])} names, are written with `tu-`: `tu-convnext_tiny`. "
        f"{' and '.join(f'`{name}`' for name in PLAIN_ENCODERS)} are ResNets without their shortcuts.",
        "",
        _row(["encoders", "weights, of one or all of them"]),
        _row(["---", "---"]),
    ]
    for names in families.values():
        weights = sorted({one for name in names for one in known["smp"][name]})
        lines.append(_row(", ".join(f"`{one}`" for one in ones) for ones in (names, weights)))
    return lines


def _augmentations(root: Path) -> list[str]:
    """The pipelines of config/augmentations."""
    lines = [
        "## Augmentations",
        "",
        "`train.data.augmentation`: a file of `config/augmentations`. See [data.md](data.md#augmentation).",
        "",
        _row(["name", "what it does", "transforms"]),
        _row(["---", "---", "---"]),
    ]
    for path in sorted((root / "config" / "augmentations").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        names = ", ".join(f"`{name}`" for transform in content["transforms"] for name in transform)
        lines.append(_row([f"`{path.stem}`", content["description"], names]))
    return lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _default_or_required(field: Any) -> str:
    return "required" if field.is_required() else _default(field)


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    return f"`{json.dumps(value)}`" if value is not None else "none"


def _type_in_words(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_in_words(parts[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_type_in_words, parts)))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type_in_words, parts))}]"
    if annotation is Ellipsis:
        return "..."
    return {NoneType: "none", Any: "any"}.get(annotation) or annotation.__name__

"""Malformed values, scalars and documents of studies, data sets and configuration."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from segsweep import registry
from segsweep.config.cluster import Cluster
from segsweep.config.load import Request
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.config.yaml_loading import load_yaml
from tests.faults.answers import ACCEPTED, REFUSED
from tests.faults.cases import DATASET, GOOD_STUDY, STUDY, Case, raw, study
from tests.workspace import SMALL

# Values of each type that no key of that type takes.
WRONG: dict[type, list[str]] = {
    int: ["1.5", "many", "true", "[1]", "{a: 1}", ".nan", ".inf", "1e999", "1:30"],
    float: ["many", "true", "[]", "{a: 1}", ".nan", "-.inf", "1e999", "1:30"],
    bool: ["maybe", "2", "[]", "{a: 1}"],
    str: ["1.5", "true", "[a]", "{a: 1}"],
}


def setting_cases() -> Iterator[Case]:
    """All of them, in a fixed order."""
    yield from _values_of_settings()
    yield from _values_of_studies()
    yield from _values_of_config()
    yield from _scalars()
    yield from _documents()


def _plain_types(annotation: Any) -> set[type]:
    """The plain types that a key takes; none where it takes something else as well."""
    if annotation in WRONG:
        return {annotation}
    parts = [part for part in get_args(annotation) if part is not type(None)]
    found = [_plain_types(part) for part in parts]
    if get_origin(annotation) in (list, tuple, dict) or not parts or not all(found):
        return set()
    return set().union(*found)


def _plain_keys(cls: type[BaseModel]) -> Iterator[tuple[str, type]]:
    for name, one in cls.model_fields.items():
        types = _plain_types(one.annotation)
        if len(types) == 1:
            yield name, types.pop()


def _sections() -> Iterator[tuple[str, dict[str, Any], type[BaseModel]]]:
    """Each section of training settings: the key it stands under, what of the study chooses it, and its class."""
    yield "train", {}, Train
    for section in ("data", "postprocess"):
        yield f"train.{section}", {}, Train.model_fields[section].annotation
    for key, kind in (("optimizer", "optimizer"), ("scheduler", "schedule")):
        # Those of a library have one class together.
        for name, cls in {cls: (name, cls) for name, cls in registry.classes(kind).items()}.values():
            yield f"train.{key}", {"train": SMALL | {key: {"name": name}}}, cls
    for name, cls in registry.classes("model").items():
        if name in ("unet", "bisenet", "attention_unet"):
            yield "train.model", {"train": SMALL | {"model": {"arch": name, "encoder": "resnet18"}}}, cls
    for name, cls in registry.classes("loss").items():
        if "multiclass" in getattr(cls, "tasks", ()):
            main = {"main": {name: {}}}
            yield f"train.loss.main.{name}", {"train": SMALL | {"loss": main}, "grid": {"epochs": [1, 2]}}, cls


def _values_of_settings() -> Iterator[Case]:
    for place, chosen, cls in _sections():
        for name, kind in _plain_keys(cls):
            if name in ("name", "arch"):
                continue
            for text in WRONG[kind]:
                path = f"{place}.{name}"
                named = f"{path} of {registry.module_name(cls).rpartition('.')[2]}.{cls.__name__}"
                yield Case(
                    f"settings: {kind.__name__}", f"{named}: {text}", {STUDY: raw(path, text, **chosen)}, says=(name,)
                )


def _values_of_studies() -> Iterator[Case]:
    for name, kind in _plain_keys(Study):
        for text in WRONG[kind]:
            if (name, kind) not in (("note", str), ("title", str)):
                yield Case("study keys", f"{name}: {text}", {STUDY: raw(name, text)}, says=(name,))
    for text in ("[-1]", "[0, 0]", "[a]", "[1.5]", "[true]", "{}", "3", "[]", "[1e999]", "[.nan]"):
        yield Case("study keys", f"seeds: {text}", {STUDY: raw("seeds", text)}, says=("seeds",))
    for key in GOOD_STUDY:
        if key not in ("dataset", "metric", "grid"):
            yield Case("study keys", f"without {key}", {STUDY: study(**{key: None})})
    for key in ("grids", "Seeds", "learning_rate", "", "train.epochs", "7"):
        yield Case("study keys", f"the key {key!r}", {STUDY: f"{study()}\n'{key}': 1\n"}, says=("key",))


def _values_of_config() -> Iterator[Case]:
    for name, kind in _plain_keys(Request):
        for text in WRONG[kind]:
            if kind is not str:
                yield Case("config", f"{name}={text}", config={name: _value(text)}, says=(name,))
    for device in ("tpu", "gpu", "cuda:", "cuda:-1", "cuda:one", "", "CPU", "0"):
        yield Case("config", f"device={device}", config={"device": device}, says=("device",))
    for name in ("nosuch", "../../etc/passwd", "", "a b", "little.yml", "config", "/dev/null"):
        yield Case("config", f"study={name!r}", config={"study": name})
    for name in ("nosuch", "", "/dev/zero"):
        yield Case("config", f"dataset={name!r}", config={"dataset": name})
    for name, kind in _plain_keys(Cluster):
        for text in WRONG[kind]:
            value = _value(text)
            if kind is not str or not isinstance(value, float | int):
                yield Case(
                    "config",
                    f"cluster.{name}: {text}",
                    config={"cluster": {"partition": "default", name: value}},
                    says=(name,),
                )


def _value(text: str) -> Any:
    """A value as config/config.yaml holds it."""
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(f"value: {text}")
        file.flush()
        return load_yaml(Path(file.name))[0]["value"]


def _scalars() -> Iterator[Case]:
    """Values that YAML 1.1 reads otherwise than people do."""
    takes = {
        "train.epochs": {"010": 10, "1_0": 10, "0x10": 16, "0o10": 8, "+3": 3, "3.0": 3, "0b11": None},
        "train.optimizer.lr": {"1e-4": 1e-4, "1E-4": 1e-4, ".001": 0.001, "0.1.5": None, "1,5": None, "010": 10},
        "train.batch_size": {"08": 8, "010": 10, "2:0": None},
    }
    for path, texts in takes.items():
        for text, value in texts.items():
            expected = ACCEPTED if value is not None else REFUSED
            says = (f"{path.removeprefix('train.')}={value!r}",) if value is not None else (path.rpartition(".")[2],)
            yield Case("scalars", f"{path}: {text}", {STUDY: raw(path, text)}, expected=expected, says=says)
    for text in ("yes", "no", "on", "off", "Yes", "NO", "y", "n"):
        yield Case(
            "scalars", f"title: {text}", {STUDY: raw("title", text)}, expected=ACCEPTED, says=(f"title='{text}'",)
        )
        yield Case("scalars", f"channels_last: {text}", {STUDY: raw("train.channels_last", text)}, expected=ACCEPTED)
    for text in ("2024-13-45", "2024-01-01", "12:30:45", "1:30", "0b11", "1_000", "~x", "="):
        yield Case(
            "scalars", f"title: {text}", {STUDY: raw("title", text)}, expected=ACCEPTED, says=(f"title='{text}'",)
        )
    for text in ("2024-13-45", "2024-01-01", "0b11", "!!int abc", "!!float x", "!!python/object:os.system x",
                 "!!binary x", "!!set {a}", "&a *a", "*nosuch", "!own 3", "!!timestamp x"):  # fmt: skip
        yield Case("scalars", f"epochs: {text}", {STUDY: raw("train.epochs", text)})
    yield Case(
        "scalars",
        "account: 012345",
        config={"cluster": {"partition": "default", "account": "012345"}},
        expected=ACCEPTED,
    )


def _documents() -> Iterator[Case]:
    """Files that are no YAML document of keys, or not text."""
    good = study()
    texts: dict[str, str | bytes | None] = {
        "no file": None,
        "empty": "",
        "only a comment": "# nothing\n",
        "a list": "- a\n- b\n",
        "a text": "just words\n",
        "a number": "3\n",
        "null": "null\n",
        "two documents": f"{good}---\n{good}",
        "NUL in the middle": good.replace("little", "lit\0tle"),
        "NUL at the end": good + "\0",
        "a control character": good.replace("little", "lit\x07tle"),
        "latin-1": good.replace("title", "titel").encode() + "title: Größe\n".encode("latin-1"),
        "UTF-16": good.encode("utf-16"),
        "random bytes": bytes(range(256)) * 4,
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "tabs": good.replace("  ", "\t"),
        "an unclosed quote": good + "title: 'x\n",
        "an unclosed bracket": good + "seeds: [1, 2\n",
        "bad indentation": good + "   seeds: [1]\n",
        "a key twice": good + "metric: val/miou\n",
        "a key twice below": good.replace("  epochs: 2", "  epochs: 2\n  epochs: 3"),
        "a merge of nothing": good + "<<: 3\n",
        "an alias of itself": "a: &a [*a]\n" + good,
        "a list as a key": good + "? [1, 2]\n: 3\n",
        "a mapping as a key": good + "? {a: 1}\n: 3\n",
        "deep lists": "title: " + "[" * 3000 + "]" * 3000 + "\n" + good,
        "deep mappings": "title: " + "{a: " * 2000 + "1" + "}" * 2000 + "\n" + good,
        "a billion laughs": _laughs() + good,
        "a text of 30 MB": good + f"note: {'x' * 30_000_000}\n",
        "100,000 keys": good + "".join(f"k{i}: 1\n" for i in range(100_000)),
        "a tag for Python": good + "note: !!python/name:os.system\n",
        "cut in the middle": good[: len(good) // 2] + "\n  - {",
        "JSON with a comma too many": json.dumps(GOOD_STUDY)[:-1] + ",,}",
    }
    for name, text in texts.items():
        yield Case("documents", f"a study file: {name}", {STUDY: text})
    for name, text in texts.items():
        if isinstance(text, bytes) or text is None or "little" not in text:
            yield Case("documents", f"a data set file: {name}", {DATASET: text})
    for name, text in {
        "CRLF": good.replace("\n", "\r\n"),
        "BOM": "\ufeff" + good,
        "JSON": json.dumps(GOOD_STUDY),
    }.items():
        yield Case("documents", f"a study file: {name}", {STUDY: text}, expected=ACCEPTED)


def _laughs() -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines) + "\n"

"""YAML files into settings, and problems that point at the line."""

import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from segsweep.config.yaml_loading import load_yaml
from segsweep.errors import InputError

MOST_PROBLEMS = 50  # that are told at once
# The key, or the keys, that a problem begins with: `keep.weights: ...`.
NAMED_KEYS = re.compile(r"([a-z_]+(?:(?:\.|, )[a-z_]+)*): ")
# (text, keys that lead to it, whether it is itself a key behind these) to the text in its place.
Rewritten = Callable[[str, tuple, bool], str]


class Document:
    """A YAML file: its values, and where each of them stands."""

    def __init__(self, path: Path, rewritten: Rewritten | None = None):
        """
        Args:
            path: the file.
            rewritten: gives a text in place of each key and each value that is a text.
        """
        self.path = path
        values, self._root = load_yaml(path)
        self.values = {} if values is None else values
        if not isinstance(self.values, dict):
            raise InputError(f"{path}: holds {type(self.values).__name__}, not keys with values.")
        if rewritten is not None:
            self.values = _rewritten(self.values, rewritten)
            _rewrite_keys(self._root, rewritten, set())

    def location(self, keys: tuple) -> str:
        """`file:line` of the deepest of the keys that the file holds."""
        node, line = self._root, 1
        for name in keys:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(name)), None)
                if found is None:
                    continue
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
                node = node.value[name]
                line = node.start_mark.line + 1
        return f"{self.path}:{line}"


def _rewritten(value: Any, text: Rewritten, keys: tuple = ()) -> Any:
    if isinstance(value, dict):
        named = ((text(name, keys, True) if isinstance(name, str) else name, one) for name, one in value.items())
        return {name: _rewritten(one, text, (*keys, name)) for name, one in named}
    if isinstance(value, list):
        return [_rewritten(one, text, (*keys, number)) for number, one in enumerate(value)]
    return text(value, keys, False) if isinstance(value, str) else value


def _rewrite_keys(node: yaml.Node, text: Rewritten, done: set[int], keys: tuple = ()) -> None:
    """As `_rewritten`, of the tree in which locations are looked up; a node with several aliases once."""
    if id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and id(name) not in done:
                done.add(id(name))
                name.value = text(name.value, keys, True)
            _rewrite_keys(value, text, done, (*keys, name.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, one in enumerate(node.value):
            _rewrite_keys(one, text, done, (*keys, number))


def parse(cls: type[BaseModel], values: Any, location) -> Any:
    """Settings from plain values. `location(keys)` says where a key stands.

    Raises:
        InputError: with one problem for each thing that is wrong.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise InputError(*in_words(cls, error.errors(), location)) from error


def in_words(cls: type[BaseModel], entries: list[dict], location) -> list[str]:
    """A problem for each entry of a validation error; of very many the first ones."""
    problems = dict.fromkeys(one for entry in entries[:MOST_PROBLEMS] for one in _problems(cls, entry, location))
    left = len(entries) - MOST_PROBLEMS
    return [*problems, *([f"and {left:,} more problems of this kind."] if left > 0 else [])]


def _problems(cls: type[BaseModel], entry: dict, location) -> list[str]:
    if entry["type"] != "value_error":
        return [_problem(cls, entry, location)]
    return [_problem(cls, entry | {"msg": line}, location) for line in entry["msg"].splitlines()]


def wrong_keys(cls: type[BaseModel], entry: dict) -> list[tuple]:
    """Keys of what must be left out so that the rest of the values is right; () where that is all of it."""
    loc, _ = followed(cls, entry["loc"])
    if entry["type"] in ("missing", "union_tag_not_found"):
        return [loc[:-1] if entry["type"] == "missing" else loc]
    if entry["type"] == "value_error":
        lines = entry["msg"].removeprefix("Value error, ").splitlines()
        named = [found[1].split(", ") if (found := NAMED_KEYS.match(line)) else [] for line in lines]
        return [(*loc, *one.split(".")) for ones in named for one in ones] if all(named) else [loc]
    return [(*loc[:-1], entry["loc"][-1]) if entry["type"] == "extra_forbidden" else loc]


def meant_key(cls: type[BaseModel], entry: dict) -> tuple:
    """The key that an unknown one was to be, as far as one can tell; else ()."""
    loc, models = followed(cls, entry["loc"])
    near = _near(str(entry["loc"][-1]), _known_keys(models)) if entry["type"] == "extra_forbidden" else None
    return (*loc[:-1], near) if near else ()


def _known_keys(models: list[type[BaseModel]]) -> list[str]:
    return [field.alias or name for model in models[-1:] for name, field in model.model_fields.items()]


def _problem(cls: type[BaseModel], entry: dict, location) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    loc, models = followed(cls, entry["loc"])
    found = entry["input"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        loc, found = (*loc, context["discriminator"].strip("'")), context.get("tag")
    key = ".".join(str(part) for part in loc) or "the file as a whole"
    where = location(loc)
    shown = repr(found) if len(repr(found)) < 80 else repr(found)[:77] + "..."
    if kind == "extra_forbidden":
        known = _known_keys(models)
        remedy = "".join(f" {model.unknown_keys}" for model in models[-1:] if getattr(model, "unknown_keys", ""))
        name = entry["loc"][-1]  # whatever it looks like, a person wrote it
        if loc[-1:] != (name,):
            loc = (*loc, name)
        unknown = ".".join(map(str, loc))
        is_slip = get_close_matches(str(name), known, n=1, cutoff=0.8)
        homes = [] if is_slip else _sections_with(models, str(name))
        hint = f"It is a key of {' and of '.join(map(repr, homes))}. " if homes else _hint(str(name), known)
        return f"{location(loc)}: unknown key {unknown!r}. {hint}{_allowed(known)}{remedy}"
    if kind in ("missing", "union_tag_not_found"):
        return f"{where}: the key {key!r} is missing. Add it."
    if kind in ("literal_error", "union_tag_invalid"):
        expected = context["expected" if kind == "literal_error" else "expected_tags"]
        allowed = [part.strip().strip("'") for part in re.split(r",| or ", expected)]
        return f"{where}: {key} is {shown}. {_suggest(str(found), allowed)}"
    if kind in ("model_type", "model_attributes_type"):
        fields = [model.model_fields[loc[-1]] for model in models if loc and loc[-1] in model.model_fields]
        inner = [one for field in fields for one in models_in(field.annotation)]
        return f"{where}: {key} is {shown}: a section belongs here. {_as_section(inner, found)}"
    message = entry["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        # What speaks of several keys of a section names the one at fault first.
        if named := NAMED_KEYS.match(message):
            section, first = "".join(f"{part}." for part in loc), named[1].split(", ")[0]
            return f"{location((*loc, *first.split('.')))}: {section}{message.removesuffix('.')}."
        return f"{where}: {key}: {message.removesuffix('.')}."
    remedy = ""
    if kind == "string_pattern_mismatch":  # what the key means says it in words
        fields = [model.model_fields[loc[-1]] for model in models if loc and loc[-1] in model.model_fields]
        remedy = "".join(f" {field.description}" for field in fields[-1:])
    elif kind == "string_type" and isinstance(found, bool | int | float):
        remedy = f" Write it in quotes: '{json.dumps(found)}'."
    elif kind == "list_type" and isinstance(found, str | int | float):
        remedy = f" Write a list: [{found}]."
    elif kind == "list_type" and isinstance(found, dict):
        remedy = " Write a list: a dash and a blank before it."
    elif kind == "dict_type" and isinstance(found, list):
        remedy = " Write `key: value` for each, without a dash."
    return f"{where}: {key} is {shown}: {message[0].lower() + message[1:]}.{remedy}"


def followed(cls: type[BaseModel], loc: tuple) -> tuple[tuple, list[type[BaseModel]]]:
    """The keys of an error's location, without what pydantic adds to name branches of unions, and the settings classes
    of the last section on the way."""
    keys, sections, here, in_mapping = [], [cls], [cls], False
    for part in loc:
        if str(part).startswith(("dict[", "list[")):  # a branch, of what may be a list as well
            continue
        if in_mapping and part != "[key]":  # a person's own name, whatever it looks like
            keys.append(part)
            in_mapping = False
            continue
        if tagged := [model for model in here if part in _tags(model)] if len(here) > 1 else []:
            sections = here = tagged
            continue
        if _is_branch(part):
            continue
        keys.append(part)
        sections = here or sections
        fields = [model.model_fields[part] for model in here if part in model.model_fields]
        here = [model for field in fields for model in models_in(field.annotation)] if fields else here
        annotations = [one for field in fields for one in (field.annotation, *get_args(field.annotation))]
        in_mapping = any(get_origin(one) is dict for one in annotations)
    return tuple(keys), sections


def _tag_key(model: type[BaseModel]) -> str | None:
    """The key that names a component: `name` of an optimizer, `arch` of a model."""
    return getattr(model, "discriminator", None)


def _tags(model: type[BaseModel]) -> tuple:
    """Names by which a component's settings are chosen out of a union; `[file]` of those that only a key tells."""
    field = model.model_fields.get(_tag_key(model))
    return get_args(field.annotation) if field else (f"[{model.__module__.rpartition('.')[2]}]",)


def _is_branch(part) -> bool:
    """Whether pydantic put this into the location of an error to name a branch of a union."""
    return isinstance(part, str) and (
        "[" in part or part[:1].isupper() or part in ("literal", "none", "function-after", "constrained-int")
    )


def _as_section(classes: list[type[BaseModel]], found: Any) -> str:
    """A remedy for a value that stands where a section of one of the classes belongs."""
    if found is False or found is None:
        return "Leave it out."
    if tag := next(filter(None, map(_tag_key, classes)), None):
        return f"Write {{{tag}: {found}}}."
    for cls in classes:
        known = ", ".join(cls.model_fields)
        if found is True and _takes(cls, {}):
            return f"Write {{}} for its defaults, or some of its keys: {known}."
        # A number may be meant for any key that takes it; the first ones say most.
        name = next((name for name in cls.model_fields if found is not True and _takes(cls, {name: found})), None)
        return f"{f'Write {{{name}: {found}}}. ' if name else ''}Its keys: {known}."
    return "Write keys with values."


def _takes(cls: type[BaseModel], values: dict[str, Any]) -> bool:
    try:
        cls.model_validate(values)
    except ValidationError:
        return False
    return True


def _sections_with(models: list[type[BaseModel]], name: str) -> list[str]:
    """The sections beside a key that have it: there it was to stand."""
    return [
        section
        for model in models[-1:]
        for section, field in model.model_fields.items()
        if any(name in one.model_fields for one in models_in(field.annotation))
    ]


def _suggest(found: str, allowed: list[str]) -> str:
    return f"{_hint(found, allowed)}{_allowed(allowed)}".strip()


def _hint(found: str, allowed: list[str]) -> str:
    near = _near(found, allowed)
    return f"Did you mean {near!r}? " if near else ""


def _allowed(allowed: list[str]) -> str:
    return f"Allowed: {', '.join(allowed)}." if allowed else ""


def _near(found: str, allowed: list[str]) -> str | None:
    """The nearest name, without regard to case: the same one, else the same one of another library, else a similar one
    of the same library (`torch.`), else a similar one."""
    lower = {name.lower(): name for name in allowed}
    wanted = found.lower()
    library, dot, name = wanted.rpartition(".")
    same = [one for one in lower if one.rpartition(".")[2] == name]
    of_library = [one for one in lower if dot and one.startswith(f"{library}.")]
    similar = get_close_matches(wanted, of_library, n=1, cutoff=0.6) + get_close_matches(wanted, lower, n=1, cutoff=0.5)
    near = [wanted] * (wanted in lower) + same + similar
    return lower[near[0]] if near else None


def models_in(annotation) -> list[type[BaseModel]]:
    """The settings classes that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


def nearest(found: str, allowed) -> str:
    """A remedy for a name that does not exist: the nearest one, and all that do."""
    return _suggest(found, sorted(allowed))

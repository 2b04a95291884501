"""YAML files into plain values, by the rules of YAML 1.2: what people write is what they mean.

YAML 1.1, which the library reads, takes `010` for 8, `1:30` for 90, `no` for false, `2024-13-45` for a wrong date and
`1e-4` for a text. The core schema of YAML 1.2 has none of this, and nothing here constructs an object by its name.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

from segsweep.errors import InputError
from segsweep.formatting import file_size
from segsweep.io import read_text

MOST_BYTES = 20_000_000
MOST_NODES = 1_000_000  # what aliases stand for included
DEEPEST = 100  # sections within sections
MOST_DIGITS = 1000
TAG = "tag:yaml.org,2002:"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
# Source: YAML 1.2.2, section 10.3.2, "Tag Resolution" of the core schema. The merge key is YAML 1.1's.
CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", "|".join((*TRUE, *FALSE)), list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
)


class WrittenNumber(int):
    """A whole number that is written otherwise than Python would, `012345`: where it names something, its text counts.

    Attributes:
        text: as it is written.
    """

    text: str


class _Loader(yaml.CSafeLoader):
    """The core schema, and keys that stand twice or are no plain values are refused."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - pyyaml's own way to say so
    yaml_constructors = {
        f"{TAG}{name}": construct
        for name, construct in {
            "map": SafeConstructor.construct_yaml_map,
            "seq": SafeConstructor.construct_yaml_seq,
            "str": SafeConstructor.construct_yaml_str,
            "null": SafeConstructor.construct_yaml_null,
        }.items()
    } | {None: SafeConstructor.construct_undefined}

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key is a list or a section", key_node.start_mark)
            if key_node.value in seen:
                raise ConstructorError(None, None, f"the key {key_node.value!r} stands twice", key_node.start_mark)
            seen.add(key_node.value)
        self.flatten_mapping(node)
        found: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            found[self.construct_object(key_node, deep=True)] = self.construct_object(value_node, deep=True)
        return found


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    if node.value not in (*TRUE, *FALSE):
        raise ConstructorError(None, None, f"{node.value!r} is neither true nor false", node.start_mark)
    return node.value in TRUE


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = node.value
    if len(text) > MOST_DIGITS:
        raise ConstructorError(None, None, f"a number of {len(text):,} digits", node.start_mark)
    try:
        number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    except ValueError:
        raise ConstructorError(None, None, f"{text!r} is no whole number", node.start_mark) from None
    if str(number) == text:
        return number
    written = WrittenNumber(number)
    written.text = text
    return written


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    try:
        return float(re.sub(r"\.(inf|nan)$", r"\1", node.value.lower()))
    except ValueError:
        raise ConstructorError(None, None, f"{node.value!r} is no number", node.start_mark) from None


for _name, _pattern, _first in CORE_SCHEMA:
    _Loader.add_implicit_resolver(f"{TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), _first)
for _name, _construct in (
    ("map", lambda loader, node: loader.construct_mapping(node)),
    ("bool", _bool),
    ("int", _int),
    ("float", _float),
):
    _Loader.add_constructor(f"{TAG}{_name}", _construct)


def load_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """The values of a YAML file, and the tree of its nodes, which know their lines.

    Raises:
        InputError: it cannot be read, is no YAML, or is too large; names the line.
    """
    text = read_text(path, "Check the path and its permissions.")
    if len(text) > MOST_BYTES:
        raise InputError(
            f"{path}: {file_size(len(text))} of text; settings have at most {file_size(MOST_BYTES)}. Check that it is "
            "the right file."
        )
    loader = None
    try:
        _check_depth(path, text)
        loader = _Loader(text)
        root = loader.get_single_node()
        _check_nodes(path, root)
        return (loader.construct_document(root) if root is not None else None), root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(
            f"{location}: not valid YAML: {error.problem}. Check indentation, colons and quotes."
        ) from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        said = " ".join(str(error).split())
        raise InputError(f"{path}: not valid YAML: {said}. Remove these characters, or save it as UTF-8.") from error
    finally:
        if loader is not None:
            loader.dispose()


def _check_depth(path: Path, text: str) -> None:
    """Refuse what is so deep that reading it would exhaust the interpreter."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise InputError(
                f"{path}:{event.start_mark.line + 1}: lists and sections stand within each other more than {DEEPEST} "
                "deep. Write it flatter."
            )


def _check_nodes(path: Path, root: yaml.Node | None) -> None:
    """Refuse aliases that stand for more than anybody could have written, or for themselves."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        sizes[id(node)] = MOST_NODES + 1  # met again below itself, it has no end
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        pairs = (part if isinstance(part, tuple) else (part,) for part in parts)
        sizes[id(node)] = found = 1 + sum(size(one) for pair in pairs for one in pair)
        if found > MOST_NODES:
            raise InputError(
                f"{path}:{node.start_mark.line + 1}: with its aliases it holds more than {MOST_NODES:,} values, or "
                "itself. Write out what is meant."
            )
        return found

    if root is not None:
        size(root)

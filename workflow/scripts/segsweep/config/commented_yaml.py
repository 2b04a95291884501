"""YAML files that a program proposes and a person corrects: compact, with comments on what to look at."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

WIDTH = 100  # of a line that holds a list or a mapping
LONGEST = 10_000  # no text is broken in two


def commented_yaml(keys: Mapping[str, Any], comments: Mapping[tuple[str, ...], str], head: str) -> str:
    """Keys with their values; lists and mappings in one line where they fit.

    Args:
        keys: what the file holds.
        comments: by the path of a key, and written above it, line by line. A comment on a key that is not there ends
            its section.
        head: a comment at the top.
    """
    return "\n".join([*_as_comment(head, ""), *_section(keys, comments, ())]) + "\n"


def _section(keys: Mapping[str, Any], comments: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> Iterator[str]:
    indent = "  " * len(path)
    for name, value in keys.items():
        here = (*path, name)
        yield from _as_comment(comments.get(here, ""), indent)
        commented_inside = any(other[: len(here)] == here and other != here for other in comments)
        line = f"{_in_one_line(name)}: {_in_one_line(value)}"
        if isinstance(value, Mapping) and (commented_inside or len(indent) + len(line) > WIDTH):
            yield f"{indent}{_in_one_line(name)}:"
            yield from _section(value, comments, here)
        elif isinstance(value, list) and len(indent) + len(line) > WIDTH:
            yield f"{indent}{_in_one_line(name)}:"
            yield from (f"{indent}  - {_in_one_line(one)}" for one in value)
        else:
            yield indent + line
    for other, text in comments.items():
        if other[:-1] == path and other[-1] not in keys:
            yield from _as_comment(text, indent)


def _as_comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}".rstrip() for line in text.splitlines()]


def _in_one_line(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=LONGEST, allow_unicode=True)
    return text.removesuffix("...\n").strip()

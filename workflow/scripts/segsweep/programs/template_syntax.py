"""How templates are written: `{NAME}`, `{NAME:TEXT}`, `{{` and `}}`; see `segsweep.programs.template`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")
_NUMBER_FORMAT = re.compile(r"(?=.*\d)[<>=^+-]*#?\d*[,_]?(\.\d+)?[bdeEfFgGnoxX%]|0\d+|\.\d+")


class TemplateError(ValueError):
    """A template cannot be read or filled in. The message says why and what to do, but not in which file."""


@dataclass(frozen=True)
class Placeholder:
    """`{NAME}`, or `{NAME:TEXT}` where `text` is not None."""

    name: str
    text: "Parts | None" = None


Parts = tuple[str | Placeholder, ...]


@lru_cache(maxsize=1000)  # planning fills in the same few for all runs
def parse(template: str) -> Parts:
    """The text and the placeholders of a template, in order.

    Raises:
        TemplateError: a brace without its other one, or something between braces that is no placeholder.
    """
    parts, position = _parse(template, 0, nested=False)
    assert position == len(template)
    return parts


def names(template: str) -> dict[str, None]:
    """The names of all placeholders of a template, also of those inside others, in the order of their first use.

    Raises:
        TemplateError: see `parse`.
    """
    return dict.fromkeys(_names(parse(template)))


def literals(parts: Parts) -> Iterator[str]:
    """The plain text of parts, also of the text of placeholders."""
    for part in parts:
        if isinstance(part, str):
            yield part
        elif part.text is not None:
            yield from literals(part.text)


def _names(parts: Parts) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Placeholder):
            yield part.name
            yield from _names(part.text or ())


def _parse(template: str, position: int, nested: bool) -> tuple[Parts, int]:
    """Parts from a position on, to the end or to the brace that closes what they are nested in; and where that is."""
    parts: list[str | Placeholder] = []
    text = ""
    while position < len(template):
        char = template[position]
        if template.startswith(("{{", "}}"), position) and not (nested and char == "}"):
            if nested:
                raise TemplateError(
                    f"`{_around(template, position)}`: a brace cannot stand in the text of `{{NAME:TEXT}}`."
                )
            text += char
            position += 2
        elif char == "{":
            if template[position - 1 : position] == "$":
                end = template.find("}", position) + 1 or len(template)
                variable = template[position + 1 : end - 1]
                raise TemplateError(
                    f"`${template[position:end]}`: a variable of the shell is written `${{{{{variable}}}}}`, with two "
                    "braces; of a placeholder leave out the `$`."
                )
            if text:
                parts.append(text)
                text = ""
            placeholder, position = _placeholder(template, position)
            parts.append(placeholder)
        elif char == "}":
            if nested:
                break
            raise TemplateError(f"`{_around(template, position)}`: a `}}` without a `{{`. A brace is written `}}}}`.")
        else:
            text += char
            position += 1
    if text:
        parts.append(text)
    return tuple(parts), position


def _placeholder(template: str, start: int) -> tuple[Placeholder, int]:
    """The placeholder that begins at a position, and the position after it."""
    match = re.compile(r"[^{}:]*").match(template, start + 1)
    name, position = match.group(), match.end()
    if not _NAME.fullmatch(name):
        raise TemplateError(
            f"`{_around(template, start)}`: {name!r} is no name of a parameter. A brace that is none of a placeholder "
            "is written twice: `{{`, `}}`."
        )
    text = None
    if template.startswith(":", position):
        text, position = _parse(template, position + 1, nested=True)
    if not template.startswith("}", position):
        raise TemplateError(
            f"`{_around(template, start)}`: the brace is not closed. Write `}}`, or `{{{{` for a brace itself."
        )
    if name == "config" and text is not None:
        if text != ("json",):
            raise TemplateError(f"`{_around(template, start)}`: write `{{config}}` or `{{config:json}}`.")
        return Placeholder("config:json"), position + 1
    if text is not None and len(text) == 1 and isinstance(text[0], str) and _NUMBER_FORMAT.fullmatch(text[0]):
        raise TemplateError(
            f"`{_around(template, start)}`: values have no formats. `{{{name}}}` is the value, `{{{name}:TEXT}}` is "
            "TEXT where the value is true."
        )
    return Placeholder(name, text), position + 1


def _around(template: str, position: int) -> str:
    """What stands at a position, for a message."""
    piece = template[position : position + 30].partition("\n")[0]
    return piece if position + 30 >= len(template) else f"{piece}..."

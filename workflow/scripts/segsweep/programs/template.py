"""Templates of what a program is called with: text with placeholders in braces.

    python train.py --lr {optimizer.lr} --out {out} {resume:--resume {out}/last.pt}

`{NAME}` is a value, `{NAME:TEXT}` is TEXT where the value is true (neither false nor null), else nothing; TEXT may hold
placeholders. `{{` and `}}` are braces, but not in TEXT. Planning fills in what it knows with `fill`, which leaves a
template; the job fills in the rest with `complete`. In a command each value is quoted for the place where it stands.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.programs.template_syntax import Parts, Placeholder, TemplateError, literals, names, parse

# What only the job knows; all other names are planning's.
JOB_NAMES = ("out", "config", "config:json", "overrides", "until", "resume", "device", "threads")
# What planning knows besides the parameters.
PLANNING_NAMES = ("seed", "fold", "folds", "epochs")
RESERVED = frozenset({*JOB_NAMES, *PLANNING_NAMES})
# By these a program gets all parameters.
ALL_PARAMETERS = frozenset({"config", "config:json", "overrides"})

_SAFE_IN_SHELL = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r'([\\"$`])')


def fill_parameters(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested parameters with the placeholders of their strings filled in, by each other and by `values`.

    Args:
        parameters: as a person writes them; strings, also those in lists, are templates.
        values: seed, fold, folds and epochs.

    Returns:
        Nested parameters, whose strings are templates in which only `JOB_NAMES` are left. A string that is one
        placeholder alone (`"{seed}"`) becomes its value, a number for instance.

    Raises:
        TemplateError: a name is not known, or a parameter stands for itself.
    """
    leaves = flat(parameters)

    def filled(value: Any, within: tuple[str, ...]) -> Any:
        def text(template: str) -> Any:
            needed = {name: resolved(name, within) for name in names(template) if name in leaves}
            return _typed(template, {**values, **needed}, fill)

        return _with_strings(value, text)

    def resolved(name: str, within: tuple[str, ...] = ()) -> Any:
        if name in within:
            chain = " -> ".join([*within, name])
            raise TemplateError(f"the parameter {name} stands for itself: {chain}. Write a value for one of them.")
        return filled(leaves[name], (*within, name))

    def nested(section: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        return {
            name: nested(value, f"{path}.") if isinstance(value, Mapping) and value else resolved(path)
            for name, value in section.items()
            for path in [f"{prefix}{name}"]
        }

    return nested(parameters, "")


def complete_parameters(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What `fill_parameters` left, with the job's values; see `complete`."""
    return _with_strings(parameters, lambda template: _typed(template, values, complete))


def fill(template: str, values: Mapping[str, Any], *, shell: bool = False) -> str:
    """A template with planning's values filled in: a template in which only `JOB_NAMES` are left.

    Args:
        template: of a command, of the value of an environment variable, or a parameter.
        values: by name, parameters by dotted name, as `fill_parameters` leaves them: strings are templates.
        shell: whether it is a line for the shell, where values are quoted.

    Raises:
        TemplateError: a name is neither in `values` nor left for the job.
    """
    words = {name: _words(value, templates=True) for name, value in values.items()}
    return _Writer(values, words, left=frozenset(JOB_NAMES), shell=shell).write(parse(template))


def complete(template: str, values: Mapping[str, Any], *, shell: bool = False) -> str:
    """What `fill` left, with the job's values: plain text.

    Args:
        template: see `fill`.
        values: by name, plain; a list stands for several words.
        shell: see `fill`.

    Raises:
        TemplateError: a name is not in `values`.
    """
    words = {name: _words(value, templates=False) for name, value in values.items()}
    return _Writer(values, words, left=frozenset(), shell=shell).write(parse(template))


def in_words(value: Any) -> str:
    """A value as programs read it: `0.001`, `true`, `null`, text as it is; lists and sections as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _typed(template: str, values: Mapping[str, Any], write: Callable[[str, Mapping[str, Any]], str]) -> Any:
    """A parameter's string, filled in; where it is nothing but one placeholder, the value is of that one's type."""
    parts = parse(template)
    if len(parts) == 1 and isinstance(parts[0], Placeholder) and parts[0].text is None and parts[0].name in values:
        return values[parts[0].name]
    return write(template, values)


def _with_strings(value: Any, change: Callable[[str], Any]) -> Any:
    """A value with all strings in it changed."""
    if isinstance(value, Mapping):
        return {name: _with_strings(inner, change) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_strings(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


class _Writer:
    """Writes parts into one text, and knows at each place in which quotes of the shell it stands."""

    def __init__(
        self, values: Mapping[str, Any], words: Mapping[str, list[Parts]], *, left: frozenset[str], shell: bool
    ):
        self.values, self.words, self.left, self.shell = values, words, left, shell
        self.text: list[str] = []
        self.quote = ""  # the one that is open: ' or "
        self.kept = ""  # name of the placeholder that is left, within whose text we are

    def write(self, parts: Parts) -> str:
        self._parts(parts)
        return "".join(self.text)

    def _parts(self, parts: Parts) -> None:
        for part in parts:
            if isinstance(part, str):
                self._literal(part)
            elif part.name in self.left:
                self._keep(part, self._parts)
            elif part.name not in self.values:
                raise TemplateError(f"`{{{part.name}}}` has no value.")
            elif part.text is None:
                self._value(self.words[part.name])
            elif self.values[part.name] is not None and self.values[part.name] is not False:
                self._parts(part.text)

    def _literal(self, text: str) -> None:
        self._put(text)
        if self.shell:
            self.quote = quote_after(text, self.quote)

    def _keep(self, part: Placeholder, write: Callable[[Parts], None]) -> None:
        self.text.append(f"{{{part.name}")
        if part.text is not None:
            self.text.append(":")
            self.kept = part.name
            write(part.text)
            self.kept = ""
        self.text.append("}")

    def _value(self, words: list[Parts]) -> None:
        for number, word in enumerate(words):
            if number:
                self.text.append(" ")
            if not self.shell or self.quote:
                self._quoted(word)
            elif word and all(_SAFE_IN_SHELL.fullmatch(text) for text in literals(word)):
                self._quoted(word)  # a placeholder that is left gets its quotes when it is completed
            else:
                self.quote = "'"
                self.text.append("'")
                self._quoted(word)
                self.text.append("'")
                self.quote = ""

    def _quoted(self, word: Parts) -> None:
        for part in word:
            if isinstance(part, Placeholder):
                self._keep(part, self._quoted)
            elif self.quote == "'":
                self._put(part.replace("'", "'\"'\"'"))
            elif self.quote == '"':
                self._put(_SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\1", part))
            else:
                self._put(part)

    def _put(self, text: str) -> None:
        if self.kept and ("{" in text or "}" in text):
            raise TemplateError(f"`{{{self.kept}:...}}`: {text!r} has a brace, which cannot stand there.")
        self.text.append(text.replace("{", "{{").replace("}", "}}") if self.left else text)


def quote_after(text: str, quote: str = "") -> str:
    """Which quotes of the shell are open after a text: `'`, `"` or none, an empty text.

    Args:
        text: a piece of a line for the shell.
        quote: those that are open before it.
    """
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
    return quote


def _words(value: Any, templates: bool) -> list[Parts]:
    """A value as the words of a line; a list is several, each as it would stand alone."""
    values = value if isinstance(value, list | tuple) else [value]
    texts = [in_words(one) for one in values]
    if not templates:
        return [(text,) if text else () for text in texts]
    # Of what is no text itself, braces are braces.
    return [
        parse(text) if isinstance(one, str) else ((text,) if text else ())
        for one, text in zip(values, texts, strict=True)
    ]

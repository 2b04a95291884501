"""The `command` of a study from the words of a sweep's command and its parameters."""

from collections.abc import Iterator, Sequence

from segsweep.sweep_imports.definition import Arguments
from segsweep.sweep_imports.known_names import Role, role_of
from segsweep.sweep_imports.parameters import Parameter
from segsweep.sweep_imports.shell_words import literal

FORMS = {
    Arguments.FLAGS: "--{}={}",
    Arguments.SWITCHES: "--{}={}",
    Arguments.SPACED_FLAGS: "--{} {}",
    Arguments.ASSIGNMENTS: "{}={}",
    Arguments.JSON: "--{}={}",
    Arguments.JSON_FILE: "--{}={}",
}


def command_line(words: Sequence[str | Arguments], parameters: Sequence[Parameter]) -> str:
    """The command as a line of the template language."""
    return " ".join(
        part for word in words for part in (_expanded(word, parameters) if isinstance(word, Arguments) else [word])
    )


def form_of(words: Sequence[str | Arguments]) -> str:
    """How the command takes a further argument: `--{}={}` with its name and value."""
    return FORMS[next((word for word in words if isinstance(word, Arguments)), Arguments.FLAGS)]


def with_roles(words: Sequence[str | Arguments]) -> tuple[list[str | Arguments], dict[Role, str]]:
    """The words with placeholders in place of what segsweep fills in, `--epochs 50` or `trainer.max_epochs=50`.

    Returns:
        The words, and the values that stood there.
    """
    found: dict[Role, str] = {}
    words = list(words)
    for i, word in enumerate(words):
        if isinstance(word, Arguments) or "{" in word:
            continue
        name, equals, value = word.partition("=")
        role = role_of(name)
        if role is None or role in found or role == Role.FOLD:
            continue
        if equals:
            found[role], words[i] = value, f"{name}={{{role}}}"
        elif name.startswith("--") and i + 1 < len(words) and _is_value(words[i + 1]):
            found[role], words[i + 1] = words[i + 1], f"{{{role}}}"
    return words, found


def _is_value(word: str | Arguments) -> bool:
    return isinstance(word, str) and not word.startswith("-") and "{" not in word


def _expanded(style: Arguments, parameters: Sequence[Parameter]) -> Iterator[str]:
    if style is Arguments.JSON:
        yield '"$(cat {config:json})"'
    elif style is Arguments.JSON_FILE:
        yield "{config:json}"
    elif style is Arguments.ASSIGNMENTS and _are_overrides(parameters):
        yield "{overrides}"
        parameters = [one for one in parameters if one.role]
    if style in (Arguments.JSON, Arguments.JSON_FILE):
        return
    for one in parameters:
        written = FORMS[style].format(literal(one.theirs), f"{{{one.name}}}")
        if style is Arguments.SWITCHES and isinstance(one.value, bool):
            written = f"--{literal(one.theirs)}"
        elif not one.is_optional:
            yield written
            continue
        yield f"{{{one.name}:{written}}}"


def _are_overrides(parameters: Sequence[Parameter]) -> bool:
    """Whether `{overrides}` says all that does not have a role, under the names that the program knows."""
    plain = [one for one in parameters if not one.role]
    return bool(plain) and all(one.name == one.theirs for one in plain)

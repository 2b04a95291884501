"""Patterns in a data set's file: of paths, `images/{split}/{name}.jpg`, or of parts of names, `{name:.4}`."""

import re
from string import Formatter

FIELDS = ("name", "split")
FIRST_CHARACTERS = re.compile(r"(\.\d{1,3})?")


def checked_pattern(pattern: str, fields: tuple[str, ...] = FIELDS, needed: tuple[str, ...] = ("name",)) -> str:
    """A pattern, as it is; `str.format` can fill it in. `{name:.4}` stands for the first four characters of a name.

    Args:
        pattern: as a person wrote it.
        fields: that may be filled in.
        needed: those that must stand in it.

    Raises:
        ValueError: braces that are not in pairs, other fields, one that is missing, or another format.
    """
    rule = f"a pattern holds {' and '.join(f'{{{field}}}' for field in needed) or 'nothing else'}"
    rule += "".join(f", and {{{field}}} if need be" for field in fields if field not in needed)
    try:
        parts = [part for part in Formatter().parse(pattern) if part[1] is not None]
    except ValueError:
        raise ValueError(
            f"found {pattern!r}, where a brace has no partner; {rule}. Correct it; a brace that belongs to a path is "
            "written twice"
        ) from None
    found = {field for _, field, _, _ in parts}
    if not set(needed) <= found <= set(fields):
        raise ValueError(f"found {pattern!r}; {rule}. Correct it")
    for _, field, form, conversion in parts:
        if conversion or not FIRST_CHARACTERS.fullmatch(form):
            written = "{" + field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
            raise ValueError(
                f"found {pattern!r}; {written} cannot be filled in. Write {{{field}}}, or {{{field}:.4}} for its first "
                "four characters"
            )
    return pattern

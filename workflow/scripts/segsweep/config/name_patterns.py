"""Patterns of paths in a data set's file: `images/{split}/{name}.jpg`."""

from string import Formatter

FIELDS = ("name", "split")


def checked_pattern(pattern: str, fields: tuple[str, ...] = FIELDS, needed: tuple[str, ...] = ("name",)) -> str:
    """A pattern, as it is; `str.format` can fill it in.

    Args:
        pattern: as a person wrote it.
        fields: that may be filled in.
        needed: those that must stand in it.

    Raises:
        ValueError: braces that are not in pairs, other fields, one that is missing, or a format or conversion of one.
    """
    optional = [f"{{{field}}}" for field in fields if field not in needed]
    rule = f"only {' and '.join(optional)} can be filled in here"
    if needed:
        rule = f"a pattern holds {' and '.join(f'{{{field}}}' for field in needed)}"
        rule += "".join(f", and {field} if need be" for field in optional)
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
        if conversion or form:
            written = "{" + field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
            raise ValueError(f"found {pattern!r}; {written} cannot be filled in. Write {{{field}}}")
    return pattern

"""Lines of generated Python no longer than a page is wide, broken as ruff breaks them."""

from segsweep.formatting import is_number

LINE = 120
OPENING, CLOSING = "([{", ")]}"
INDENT = " " * 4


def fitted(line: str) -> list[str]:
    """A line as it is if it fits, else broken within its last bracket: what is inside on a line, or on one each.

    Lists of numbers, which would be one number a line, fill their lines instead. A line that ends with no bracket
    stays as it is.
    """
    if len(line) <= LINE:
        return [line]
    code, comment = _without_comment(line)
    end = len(code.rstrip(",:"))
    start = _start_of_last_bracket(code[:end])
    if start is None:
        return [line]
    indent = code[: len(code) - len(code.lstrip())]
    inner = indent + INDENT
    if not (parts := _parts(code[start + 1 : end - 1])):
        return [line]
    head = code[: start + 1] + comment
    if len(inner) + end - start - 2 <= LINE:
        body = [inner + ", ".join(parts)]
    elif all(is_number(part) for part in parts):
        body = _filled(parts, inner)
    else:
        body = [one for part in parts for one in fitted(f"{inner}{part},")]
    return [head, *body, indent + code[end - 1 :]]


def _without_comment(line: str) -> tuple[str, str]:
    code, mark, comment = line.partition("  # ")
    return code, mark + comment


def _start_of_last_bracket(code: str) -> int | None:
    """Where the bracket opens that closes at the end of the code; None where it does not end with one."""
    opened, quote = [], ""
    for position, sign in enumerate(code):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in OPENING:
            opened.append(position)
        elif sign in CLOSING:
            start = opened.pop()
            if position == len(code) - 1:
                return start
    return None


def _parts(inside: str) -> list[str]:
    """What stands between the commas of a bracket's inside."""
    parts, depth, quote, begun = [], 0, "", 0
    for position, sign in enumerate(inside):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in OPENING:
            depth += 1
        elif sign in CLOSING:
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(inside[begun:position].strip())
            begun = position + 1
    return [part for part in [*parts, inside[begun:].strip()] if part]


def _filled(parts: list[str], indent: str) -> list[str]:
    lines = [indent + parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]}, {part}"
        if len(longer) < LINE:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(indent + part)
    return lines

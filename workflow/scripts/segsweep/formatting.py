"""How settings are written in words: in labels, on the terminal and in reports."""

from typing import Any

from segsweep.config.dotted_keys import keys_of
from segsweep.own_code.names import own_name

TAGS = ("name", "arch")  # keys that say which component a section is


def number(value: float) -> str:
    """A number as a person writes it: 5e-4, 0.25, 16."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if value != 0 and (abs(value) < 1e-2 or abs(value) >= 1e5):
        mantissa, exponent = f"{value:.10e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.10g}"


def value_in_words(value: Any) -> str:
    """A setting's value: numbers as written, a loss as `cross_entropy+focal`, a component as `sgd(lr=0.1)`.

    Of own code without its folder: `tiny_unet.py:build`.
    """
    if own := own_name(value):
        return own.short
    if isinstance(value, float | int | bool | str):
        return number(value)
    if value is None:
        return "none"
    if isinstance(value, dict):
        if tag := next((tag for tag in TAGS if isinstance(value.get(tag), str)), None):
            return _part(value[tag], {name: inner for name, inner in value.items() if name != tag})
        return "+".join(_part(name, inner) for name, inner in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return "/".join(value_in_words(part) for part in value)
    raise TypeError(f"no words for {type(value).__name__}")


def _part(name: str, inner: Any) -> str:
    name = own.short if (own := own_name(name)) else name
    if isinstance(inner, dict):
        changed = ",".join(f"{key}={value_in_words(part)}" for key, part in inner.items() if key != "weight")
        weight = "" if inner.get("weight", 1) == 1 else f"{number(inner['weight'])}*"
        return f"{weight}{name}" + (f"({changed})" if changed else "")
    return name if inner == 1 else f"{name}={value_in_words(inner)}"


def short_names(axes: list[str]) -> dict[str, str]:
    """The shortest ends of dotted keys that still tell them apart: `optimizer.lr` is `lr`."""
    names = {}
    for axis in axes:
        parts = keys_of(axis)
        for length in range(1, len(parts) + 1):
            short = ".".join(parts[-length:])
            if sum(other == short or other.endswith("." + short) for other in axes) == 1:
                break
        names[axis] = short
    return names


def label(values: dict[str, Any], names: dict[str, str]) -> str:
    """`lr=5e-4 batch_size=16`."""
    return " ".join(f"{names[axis]}={value_in_words(value)}" for axis, value in values.items())


def epochs(first: int, last: int) -> str:
    """`epochs 1-30` or `epoch 3`."""
    return f"epoch {last}" if first == last else f"epochs {first}-{last}"


def plural(count: int, noun: str) -> str:
    """`1 cell`, `2 cells`, `2 entries`, `2 patches`."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith('tch') else 's'}"


def file_size(count: float) -> str:
    """`12 bytes`, `3.4 kB`, `2.2 TB`: of a number of bytes, in powers of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def first_line(said: object) -> str:
    """The first line of what was said, of an error or by a program; the name of its type where that is nothing."""
    return next(iter(str(said).strip().splitlines()), type(said).__name__)


def is_number(text: str) -> bool:
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

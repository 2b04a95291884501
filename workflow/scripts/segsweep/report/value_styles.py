"""How values are written in a report. A style is a name, with an argument after a colon where it needs one."""

import json
import math
from typing import Any

from segsweep import formatting
from segsweep.config.losses import parse_terms

MISSING = "–"
# How measured costs are written; other measures and scores are written as metrics.
OF_COSTS = {
    "cost/train_seconds": "duration",
    "cost/seconds_per_epoch": "seconds",
    "cost/seconds_per_image": "seconds",
    "cost/peak_memory_mb": "megabytes",
    "cost/checkpoint_mb": "megabytes",
    "cost/parameters": "millions",
    "cost/gflops_per_image": "gflops",
}
ENDINGS = {
    "pruned": ("was pruned", "were pruned"),
    "diverged": ("diverged", "diverged"),
    "oom": ("ran out of memory", "ran out of memory"),
    "failed": ("failed", "failed"),
}  # statuses of runs that ended otherwise, in words of one and of several runs


def write(style: str, value: Any) -> str:
    """`value` in the style `style`: `write("metric", 0.81234) == "0.8123"`.

    A missing value (None, NaN, empty text) is a dash in every style.

    Raises: KeyError for an unknown style, ValueError for a value that the style cannot write.
    """
    if is_missing(value):
        return MISSING
    name, _, argument = style.partition(":")
    return STYLES[name](value, argument) if argument else STYLES[name](value)


def style_of(column: str) -> str:
    """The style in which a column of runs.csv is written."""
    return OF_COSTS.get(column, "metric")


def is_missing(value: Any) -> bool:
    """None, NaN and empty text are missing."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value)


def parse(value: Any) -> Any:
    """A field of a CSV file as the setting it stands for: `16` is an int, `0.0005` a float, JSON what it holds."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    if value in ("True", "False"):
        return value == "True"
    if value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = " ".join(text.split())
    for sign in "\\`*[]<>|":
        text = text.replace(sign, "\\" + sign)
    return text


def _metric(value: Any) -> str:
    value = float(value)
    size = abs(value)
    if not math.isfinite(value):
        return "infinite" if value > 0 else "minus infinite"
    if size >= 1e5 or 0 < size < 5e-4:
        return formatting.number(float(f"{value:.3g}"))
    return f"{value:.4f}" if size < 10 else f"{value:,.1f}" if size >= 100 else f"{value:.2f}"


def _significant(value: Any, digits: str = "3") -> str:
    value = float(value)
    return _metric(value) if not math.isfinite(value) else formatting.number(float(f"{value:.{digits}g}"))


def _signed(value: Any) -> str:
    text = _metric(value)
    return text if float(value) < 0 else "+" + text


def _p_value(value: Any) -> str:
    return "< 0.001" if float(value) < 0.001 else "> 0.99" if float(value) >= 0.999 else f"{float(value):.3f}"


def _p_equals(value: Any) -> str:
    return text if (text := _p_value(value))[0] in "<>" else f"= {text}"


def _percent(value: Any, digits: str = "0") -> str:
    return f"{100 * float(value):.{digits}f}%"


def _megabytes(value: Any) -> str:
    value = float(value)
    return f"{value / 1024:.1f} GB" if value >= 1024 else f"{value:.0f} MB" if value >= 10 else f"{value:.1f} MB"


def _millions(value: Any) -> str:
    value = float(value)
    return f"{value / 1e6:.1f} million" if value >= 1e5 else f"{value:,.0f}"


def _setting(value: Any) -> str:
    return escape(formatting.value_in_words(parse(value)))


def _loss(value: Any) -> str:
    """A sum of losses without the parameters that have their usual values."""
    terms = parse_terms(parse(value)).active()
    return escape(
        formatting.value_in_words({name: term.model_dump(exclude_defaults=True) for name, term in terms.items()})
    )


def _sentence(value: Any) -> str:
    text = escape(str(value))
    first = text.partition(" ")[0].rstrip(",.:;")
    start = text[:1] if any(sign in first for sign in "._/=") else text[:1].upper()  # a key stays as it is written
    return start + text[1:] + ("" if text[-1] in ".!?" else ".")


def _in_code(value: Any) -> str:
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")


def _verb(value: Any, status: str) -> str:
    """How so many runs ended: `were pruned`."""
    return ENDINGS[status][0 if float(value) == 1 else 1]


STYLES = {
    "int": lambda value: f"{round(float(value)):,}",
    "plain": lambda value: f"{round(float(value))}",
    "metric": _metric,
    "signed": _signed,
    "size": lambda value: _metric(abs(float(value))),
    "significant": _significant,
    "general": lambda value: f"{float(value):g}",
    "fixed": lambda value, digits="2": f"{float(value):.{digits}f}",
    "percent": _percent,
    "chance": lambda value: "> 99%" if float(value) > 0.995 else "< 1%" if float(value) < 0.005 else _percent(value),
    "p": _p_value,
    "p_equals": _p_equals,
    "duration": lambda value: formatting.duration(float(value)),
    "seconds": lambda value: f"{float(value):.3g} s",
    "gflops": lambda value: f"{_significant(value)} GFLOPs",
    "megabytes": _megabytes,
    "millions": _millions,
    "plural": lambda value, noun: formatting.plural(round(float(value)), noun),
    "setting": _setting,
    "loss": _loss,
    "sides": lambda value: " × ".join(str(side) for side in parse(value)),
    "text": lambda value: escape(str(value)),
    "sentence": _sentence,
    "verb": _verb,
    "ended": lambda value, status: f"{round(float(value)):,} {_verb(value, status)}",
    "judged": lambda value, verdict: f"{round(float(value)):,} {'is' if float(value) == 1 else 'are'} {verdict}",
    "ending": lambda value: escape(str(value).replace("_", " ").replace("oom", "out of memory")),
    "code": _in_code,
    "last_code": lambda value: _in_code(str(value).split()[-1]),
}

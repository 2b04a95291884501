"""Parameters as Hydra's overrides: `optimizer.lr=0.001`, a word each.

Source: the grammar of https://hydra.cc/docs/advanced/override_grammar/basic/
"""

import re
from collections.abc import Mapping
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.programs.template import in_words

# What the grammar reads as this text and nothing else; all else is quoted.
_PLAIN_TEXT = re.compile(r"[A-Za-z_/][\w/.:-]*", re.ASCII)
_NO_TEXT = re.compile(r"null|true|false|nan|inf", re.IGNORECASE)


def hydra_overrides(parameters: Mapping[str, Any]) -> list[str]:
    """Nested parameters as overrides."""
    return [f"{name}={_value(value)}" for name, value in flat(parameters).items()]


def _value(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN_TEXT.fullmatch(value) and not _NO_TEXT.fullmatch(value):
            return value
        # Within quotes a backslash counts only where it stands before a quote.
        escaped = re.sub(r"(\\*)(?='|$)", lambda found: found[1] * 2, value).replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{name}:{_value(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_value, value))}]"
    return in_words(value)

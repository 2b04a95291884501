"""Claims of a study, of any kind, as the type of a key: the kinds are components in `segsweep.analysis.claims`."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Tag, TypeAdapter

from segsweep import registry
from segsweep.config.components import StudyClaim

KINDS = {name: cls for name, cls in registry.classes("claim").items() if issubclass(cls, StudyClaim)}
Expect = registry.classes("claim")["expect"]


def kind_of(claim: StudyClaim) -> str:
    """The kind of a claim: the key that tells it, which is the name of its file."""
    return registry.module_name(claim).rpartition(".")[2]


def _kinds_in(value: Any) -> list[str]:
    if isinstance(value, StudyClaim):
        return [kind_of(value)]
    return [kind for kind in KINDS if kind in value] if isinstance(value, Mapping) else []


def _of_one_kind(value: Any) -> Any:
    kinds = _kinds_in(value)
    if len(kinds) != 1:
        raise ValueError(f"a claim has exactly one of {', '.join(KINDS)}; this one has {', '.join(kinds) or 'none'}")
    return value


AnyClaim = Annotated[
    reduce(or_, (Annotated[cls, Tag(f"[{kind}]")] for kind, cls in KINDS.items())),
    Discriminator(lambda value: f"[{_kinds_in(value)[0]}]"),
    BeforeValidator(_of_one_kind),
]
_ADAPTER = TypeAdapter(AnyClaim)


def parse_claim(content: Mapping[str, Any]) -> StudyClaim:
    """A claim out of plan.json."""
    return _ADAPTER.validate_python(content)

"""What of a setting enters an address: the keys in force that differ from their defaults, and nothing else.

So a key, a section or a component that is added later leaves every address alone, as long as nobody sets it. The
contract of the settings classes is the other side of it: whoever changes what a class means, or a default of it,
raises its `revision`, which enters the address of every training that the class is in force for.

- A key with `outcome=False` cannot change what a training yields; one with `tasks` is read for those tasks only.
- What tells components apart (`arch`, `name`, `reader`) stands beside whatever is set of a component.
- A key whose value is the name of something enters as what the name stands for (`Meaning`), default or not: a
  monitor as a column and its direction, an augmentation as its transforms, a file of weights as its content.
- A component of own code enters by the name of its file without the folder; what is in the file is code.
- A plain key whose values mean something else than before, its default aside, has a revision of its own, which enters
  beside them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from segsweep.config.augmentations import revisions
from segsweep.config.settings import Component, Settings
from segsweep.own_code.names import own_name
from segsweep.planning.code_fingerprint import Symbol

NESTED = Settings | dict | list | tuple
PLAIN = frozenset({str, int, float, bool, type(None)})  # as most values are: found faster than what they are not
DISCRIMINATORS = ("arch", "name", "reader")
AUGMENTATION = "segsweep.data.augmentation"
LOAD: Symbol = (AUGMENTATION, "load_augmentation")
# What carries out an augmentation, where no other backend is named.
AUGMENTED: frozenset[Symbol] = frozenset({LOAD, (f"{AUGMENTATION}.albumentations_backend", "build")})


@dataclass(frozen=True)
class Meaning:
    """What the value of a key stands for: what it adds to an address (None: nothing), and the code that it needs."""

    adds: Any = None
    roots: frozenset[Symbol] = frozenset()


@dataclass(frozen=True)
class InForce:
    """What decides which settings of a training are in force, and what they stand for.

    Attributes:
        task: of the data set; None for any.
        meanings: by name of the key, what a value of it stands for.
        roots_of: the functions of a component that a training calls.
        name_of: what a component's name enters as.
    """

    task: str | None = None
    meanings: Mapping[str, Callable[[Any], Meaning]] = field(default_factory=dict)
    roots_of: Callable[[Component], Iterable[Symbol]] = lambda component: ()
    name_of: Callable[[Any], Any] = lambda name: name


@cache
def read_keys(kind: type[Settings], task: str | None) -> dict[str, Any]:
    """The keys of a class on which it depends what trainings of a task yield, with their defaults."""
    found = {}
    for name, key in kind.model_fields.items():
        facts = key.json_schema_extra or {}
        tasks = facts.get("tasks")
        if facts.get("outcome", True) and (task is None or tasks is None or task in tasks):
            found[name] = key.get_default(call_default_factory=True)
    return found


def differences(settings: Settings, in_force: InForce) -> dict[str, Any]:
    """What a section adds to an address, as JSON's types, nested as it is."""
    kind, values = type(settings), vars(settings)
    found = {}
    for name, default in read_keys(kind, in_force.task).items():
        value = values[name]
        if type(value) in PLAIN and name not in in_force.meanings:
            if value != default or name in DISCRIMINATORS:
                found |= {name: in_force.name_of(value)} | revision_of_key(kind, name)
            continue
        added = difference(kind, name, value, in_force)
        if added is not None:
            (found[in_force.name_of(name)],) = added
    return found | revision_of(settings)


def difference(kind: type[Settings], name: str, value: Any, in_force: InForce) -> tuple[Any] | None:
    """What the value of a key of a class adds to an address; None where it adds nothing."""
    defaults = read_keys(kind, in_force.task)
    if name not in defaults:
        return None
    if name in in_force.meanings:
        adds = in_force.meanings[name](value).adds
        return None if adds is None else (adds,)
    if name in DISCRIMINATORS or _differs(value, defaults[name], in_force):
        return (_plain(value, in_force),)
    standing = _standing(value, in_force) if is_nested(value) else None
    return (standing,) if standing else None


def is_nested(value: Any) -> bool:
    """Whether there may be settings in a value, or it is such."""
    return type(value) not in PLAIN and isinstance(value, NESTED)


def revision_of(settings: Settings | type[Settings]) -> dict[str, int]:
    """What the revision of settings, or of all of a class, adds to an address."""
    return {"revision": settings.revision} if settings.revision > 1 else {}


@cache
def revision_of_key(kind: type[Settings], name: str) -> dict[str, int]:
    """What the revision of a key adds to an address, where the key is not at its default."""
    revision = (kind.model_fields[name].json_schema_extra or {}).get("revision")
    return {f"{name}.revision": revision} if revision else {}


def roots(value: Any, in_force: InForce) -> frozenset[Symbol]:
    """Where the code begins that a value calls for: that of all components in force in it, by default or not."""
    if isinstance(value, Settings):
        found = frozenset(in_force.roots_of(value)) if isinstance(value, Component) else frozenset()
        values = vars(value)
        for name in read_keys(type(value), in_force.task):
            one = values[name]
            if name in in_force.meanings or (type(one) not in PLAIN and is_nested(one)):
                found |= roots_of_key(name, one, in_force)
        return found
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return frozenset().union(*(roots(one, in_force) for one in inner if is_nested(one)))


def roots_of_key(name: str, value: Any, in_force: InForce) -> frozenset[Symbol]:
    """Where the code begins that the value of a key calls for."""
    return in_force.meanings[name](value).roots if name in in_force.meanings else roots(value, in_force)


def _differs(value: Any, default: Any, in_force: InForce) -> bool:
    """Whether a value is not as by default, in any key that is in force."""
    if value is default or value == default:
        return False
    if type(value) in PLAIN or not isinstance(value, Settings) or type(value) is not type(default):
        return True
    values, defaults = vars(value), vars(default)
    names = (name for name in read_keys(type(value), in_force.task) if name not in in_force.meanings)  # these enter
    return any(_differs(values[name], defaults[name], in_force) for name in names)  # by default as well


def _plain(value: Any, in_force: InForce) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, Settings):
        return differences(value, in_force)
    if isinstance(value, dict):
        return {str(name): _plain(one, in_force) for name, one in value.items()}
    return [_plain(one, in_force) for one in value] if isinstance(value, list | tuple) else value


def _standing(value: Any, in_force: InForce) -> dict[str, Any]:
    """What enters of a value that is as by default: revisions above 1 and meanings, nested as it is."""
    if isinstance(value, Settings):
        found, values = {}, vars(value)
        for name in read_keys(type(value), in_force.task):
            one = values[name]
            if name in in_force.meanings:
                inner = in_force.meanings[name](one).adds
            else:
                inner = None if type(one) in PLAIN else _standing(one, in_force) or None
            if inner is not None:
                found[name] = inner
        return found | revision_of(value)
    if isinstance(value, dict):
        nested = {str(name): _standing(one, in_force) for name, one in value.items() if type(one) not in PLAIN}
        return {name: found for name, found in nested.items() if found}
    if isinstance(value, list | tuple):
        return _standing(dict(enumerate(value)), in_force)
    return {}


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def as_text(values: Any) -> str:
    """Values in the one form in which they are hashed."""
    return _encode(values)


def default_components(kind: type[Settings]) -> dict[str, Any]:
    """Which components a class has by default, by dotted key: `{"optimizer.name": "adam"}`."""
    defaults = read_keys(kind, None).items()
    return {
        f"{name}.{key}": getattr(default, key)
        for name, default in defaults
        for key in DISCRIMINATORS
        if isinstance(default, Settings) and key in type(default).model_fields
    }


@dataclass(frozen=True, slots=True)
class Section:
    """One key at the top of a setting.

    Attributes:
        value: its value.
        adds: what it adds to an address, by its name; empty where it adds nothing.
        roots: where the code begins that it calls for.
    """

    value: Any
    adds: dict[str, Any]
    roots: frozenset[Symbol]


class SectionAddresses:
    """What the sections of a study's settings add to addresses; each value is looked at once."""

    def __init__(self, kind: type[Settings], in_force: InForce):
        """
        Args:
            kind: class of complete settings.
            in_force: which settings of it count.
        """
        self.kind, self.in_force = kind, in_force
        # By identity, as comparing sections takes longer than looking at them; the value is kept, so that no other
        # one takes its place in memory.
        self._known: dict[tuple[str, int], Section] = {}
        self._phases: dict[tuple[int, int], tuple[Any, list]] = {}
        self._joined: dict[tuple[frozenset[Symbol], ...], frozenset[Symbol]] = {}

    def phases(self, loss: Any, total: int, phases_of: Callable[[Any, int], list]) -> list:
        """The phases of a loss over a number of epochs: first epoch, last epoch, section of the loss, its dump."""
        if (id(loss), total) not in self._phases:
            found = [
                (first, last, self.of("loss", one), one.model_dump(mode="json"))
                for first, last, one in phases_of(loss, total)
            ]
            self._phases[id(loss), total] = loss, found
        return self._phases[id(loss), total][1]

    def of(self, name: str, value: Any) -> Section:
        """What a value of a key adds."""
        known = self._known.get((name, id(value)))
        if known is None:
            added = difference(self.kind, name, value, self.in_force)
            reads = name in read_keys(self.kind, self.in_force.task)
            known = self._known[name, id(value)] = Section(
                value,
                {} if added is None else {name: added[0]},
                roots_of_key(name, value, self.in_force) if reads else frozenset(),
            )
        return known

    def forget(self) -> None:
        """Free what was found so far: of the runs of ten thousand cells it takes 5 MB."""
        self._known.clear()
        self._phases.clear()

    def joined(self, *roots: frozenset[Symbol]) -> frozenset[Symbol]:
        """The union of sets of roots, the same object for the same sets: there are few, and many runs."""
        if roots not in self._joined:
            self._joined[roots] = frozenset().union(*roots)
        return self._joined[roots]


def meanings(
    monitored: Callable[[str | None], tuple[str, bool]],
    metric_roots: Callable[[str], Iterable[Symbol]],
    transforms: Callable[[str], list],
    own_roots: Callable[[str], Iterable[Symbol]],
    weights: Callable[[str | None], str],
) -> dict[str, Callable[[Any], Meaning]]:
    """What the keys of a training stand for that name something.

    Args:
        monitored: of a monitor, the column that it watches and whether lower is better.
        metric_roots: of a column, the functions that compute it.
        transforms: of an augmentation, what it does.
        own_roots: of a function of own code that makes an augmentation, where its code begins.
        weights: of encoder weights, the fingerprint of the file that they name; else empty.
    """

    def monitor(value: str | None) -> Meaning:
        column, minimize = monitored(value)
        return Meaning([column, "min" if minimize else "max"], frozenset(metric_roots(column)))

    def augmentation(value: str) -> Meaning:
        found = transforms(value)
        if own := own_name(value):
            return Meaning(own.short, frozenset({LOAD, *own_roots(value)}))
        revised = revisions(found)
        return Meaning([*found, revised] if revised else found, AUGMENTED) if found else Meaning()

    def augmentation_backend(value: str) -> Meaning:
        if value == "albumentations":
            return Meaning()
        return Meaning(value, frozenset({(f"{AUGMENTATION}.{value}_backend", "build")}))

    def encoder_weights(value: str | None) -> Meaning:
        content = weights(value)
        return Meaning({"content": content} if content else value)

    return {
        "monitor": monitor,
        "augmentation": lru_cache(augmentation),
        "augmentation_backend": augmentation_backend,
        "encoder_weights": lru_cache(encoder_weights),
    }

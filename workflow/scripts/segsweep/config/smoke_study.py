"""A study as a smoke test: its values with those of its section `smoke` laid over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segsweep.config.dotted_keys import lookup
from segsweep.config.keep import Keep
from segsweep.config.merging import merged, overridden, section
from segsweep.config.program_settings import nested_parameters, program_settings
from segsweep.config.settings import Settings
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError, Problems

STUDY_KEYS = set(Study.model_fields) - {"train", "smoke", "table"}
TRAIN_KEYS = set(Train.model_fields)
KEPT = {"state": "none"}  # by default: nobody trains a smoke test for longer, and states are most of the bytes
# Numbers of epochs, which shrink with `rescale_epochs`; so do those of a warm-up whose unit is epochs.
EPOCH_KEYS = {"until_epoch", "start_epoch", "t_max", "step_size", "t_0"}


def as_smoke_test(values: dict[str, Any], location, problems: Problems) -> dict[str, Any]:
    """The study's values with its section `smoke` laid over them.

    Args:
        values: of the study.
        location: `file:line` of a key.
        problems: keys of `smoke` that are neither the study's nor of what its cells start from are added to it, and
            left out.

    Raises:
        InputError: there is no section `smoke`, or it cannot be laid over the study.
    """
    smoke = dict(values.get("smoke") or {})
    if not smoke:
        raise InputError(
            f"{location(('smoke',))}: smoke=true was asked for, but the study has no section `smoke`. Add one."
        )
    rescale = smoke.pop("rescale_epochs", False)
    if not isinstance(rescale, bool):
        where = location(("smoke", "rescale_epochs"))
        problems.add([f"{where}: smoke.rescale_epochs is {rescale!r}. Write true or false."])
    smaller = {name: value for name, value in values.items() if name != "smoke"}
    if values.get("command") is None:
        start, kind, own = "train", Train, TRAIN_KEYS
        smaller[start] = smaller.get(start) or {}
    else:
        start = "parameters"
        for one in (smaller, smoke):
            one[start] = nested_parameters(one.get(start) or {}, location)
        kind, own = program_settings(smaller[start]), smaller[start].keys() - STUDY_KEYS
    # A key of what cells start from may be dotted, as in `set`.
    of_start = {name: value for name, value in smoke.items() if name.partition(".")[0] in own}
    of_study = {name: value for name, value in smoke.items() if name not in of_start}
    known = STUDY_KEYS | set(own) | {"rescale_epochs"}
    for name in [name for name in of_study if name not in STUDY_KEYS]:
        problems.add([f"{location(('smoke', name))}: unknown key {name!r} in smoke. {nearest(name, known)}"])
        del of_study[name]
    before = (smaller[start] if start == "train" else smaller).get("epochs")
    for name, value in of_study.items():
        smaller[name] = _of_smoke(name, kind, smaller.get(name), value)
    smaller[start] = overridden(kind, smaller[start], of_start, smoke_location(of_start, location))
    kept = Keep.spelled_out(smaller.get("keep") or {})
    if isinstance(kept, dict):  # else whoever parses it says so
        smaller["keep"] = KEPT | kept
    after = (smaller[start] if start == "train" else smaller).get("epochs")
    if rescale and isinstance(before, int) and isinstance(after, int):  # else whoever parses it says so
        epochs = Rescaled(before, after, lookup(smaller[start], "scheduler.warmup.unit"))
        for part in (start, "grid", "runs", "rounds", "reference"):
            if part in smaller:
                smaller[part] = epochs.of(smaller[part])
    return smaller


def smoke_location(smoke: Mapping[str, Any], location: Callable[[tuple], str]) -> Callable[[tuple], str]:
    """Where a key of the study as a smoke test stands: in the section `smoke` where this says it, else as in the study.

    Args:
        smoke: the section.
        location: `file:line` of a key of the study file.
    """

    def found(keys: tuple) -> str:
        of_start = keys[1:] if keys[:1] in (("train",), ("parameters",)) else keys
        dotted = ".".join(map(str, of_start))
        for name, value in smoke.items():
            if dotted == name or dotted.startswith(f"{name}."):
                inner = of_start[name.count(".") + 1 :]
                return location(keys) if _only_in_study(value, keys, inner) else location(("smoke", name, *inner))
        return location(keys)

    def _only_in_study(value: Any, keys: tuple, inner: tuple) -> bool:
        """Whether the study has a key that a section of `smoke` leaves as it is."""
        for number, key in enumerate(inner, len(keys) - len(inner)):
            if not isinstance(value, dict):
                return False
            if key not in value:
                return location(keys[: number + 1]) != location(keys[:number])
            value = value[key]
        return False

    return found


def _of_smoke(name: str, kind: type[Settings], value: Any, changes: Any) -> Any:
    """A key of the study, changed by `smoke`: what lists cells is replaced, sections are merged."""
    if name == "grid":
        return changes
    # These hold keys of what cells start from.
    return merged([kind] if name in ("reference", "parameters") else section([Study], name), value, changes)


@dataclass(frozen=True)
class Rescaled:
    """Numbers of epochs of a study, for a smoke test with fewer.

    Attributes:
        before: epochs of the study.
        epochs: those of the smoke test.
        warmup_unit: unit of the warm-up, where nothing beside its iterations says another.
    """

    before: int
    epochs: int
    warmup_unit: str | None

    def of(self, values: Any) -> Any:
        """Settings, or a list of them, with all numbers of epochs rescaled."""
        if isinstance(values, dict):
            return {name: self._of_key(name, value, values) for name, value in values.items()}
        return [self.of(value) for value in values] if isinstance(values, list) else values

    def _of_key(self, name: str, value: Any, beside: dict[str, Any]) -> Any:
        outer, dot, last = name.rpartition(".")
        if last == "milestones":
            return self._milestones(value)
        if last == "start_epoch" and isinstance(value, int):
            return min(self._shrunk(value), self.epochs - 1)  # a decay begins before the end
        in_epochs = last == "iterations" and beside.get(f"{outer}{dot}unit", self.warmup_unit) == "epochs"
        return self._shrunk(value) if in_epochs or last in EPOCH_KEYS else self.of(value)

    def _shrunk(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._shrunk(one) for one in value]
        return max(1, round(value * self.epochs / self.before)) if isinstance(value, int) and value > 0 else value

    def _milestones(self, value: Any) -> Any:
        """Milestones, or a list of levels of them: those that coincide once, and none after the end but the first."""
        shrunk = self._shrunk(value)
        if not isinstance(shrunk, list) or any(isinstance(one, list) for one in shrunk):
            return [self._milestones(one) for one in value] if isinstance(value, list) else shrunk
        distinct = list(dict.fromkeys(shrunk))
        return [one for one in distinct if not isinstance(one, int) or one <= self.epochs] or distinct[:1]

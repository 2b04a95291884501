"""Constraints of a grid: which of its combinations are cells."""

from typing import Any

from segsweep.config.dotted_keys import ABSENT, flat, value_in
from segsweep.config.expressions import Condition, ExpressionError
from segsweep.config.study import Study
from segsweep.planning.overrides import Resolved
from segsweep.search.constraints import near_name


class CellConstraints:
    """The constraints of a study, and how many of its combinations fulfil each.

    Args:
        study: the study.
        location: says where a key of the study file stands.
    """

    def __init__(self, study: Study, location):
        self.location = location
        self.conditions = [Condition(text) for text in study.constraints]
        self.asked = 0
        self.fulfilled = [0] * len(self.conditions)
        self._known: dict[str, None] = {}  # names that some combination has a value of
        self._example: dict[str, Any] = {}
        self._without_value: dict[int, ExpressionError] = {}

    def allow(self, setting: Resolved) -> bool:
        """Whether a combination is a cell; where a constraint has no value it is one, and `problems` tells."""
        if not self.conditions:
            return True
        self.asked += 1
        dump = self._example = setting.dump
        held = [self._holds(number, condition, dump) for number, condition in enumerate(self.conditions)]
        self.fulfilled = [count + one for count, one in zip(self.fulfilled, held, strict=True)]
        return all(held)

    def _holds(self, number: int, condition: Condition, dump: dict[str, Any]) -> bool:
        values = {name: value_in(dump, name) for name in condition.names}
        self._known |= dict.fromkeys(name for name, value in values.items() if value is not ABSENT)
        try:
            return condition.holds(values.__getitem__)
        except ExpressionError as error:
            self._without_value.setdefault(number, error)
            return True

    def problems(self) -> list[str]:
        """What is wrong with them, when all combinations were asked about."""
        if not self.asked:
            return []
        found = []
        for number, condition in enumerate(self.conditions):
            unknown = {name: column for name, column in condition.names.items() if name not in self._known}
            for name, column in unknown.items():
                found.append(
                    f"{self._place(number)}, column {column}: no cell has the key {name!r}. "
                    f"{near_name(name, set(flat(self._example)))}"
                )
            if unknown:
                continue
            if error := self._without_value.get(number):
                found.append(f"{self._place(number)}, column {error.column}: {error.problem}")
            elif not self.fulfilled[number] and self.asked > 1:
                found.append(f"{self._place(number)}: none of the {self.asked:,} combinations fulfils it. Correct it.")
        return found

    def remarks(self) -> list[str]:
        """A sentence for each constraint that leaves nothing out."""
        return [
            f"{self._place(number)}: all {self.asked:,} combinations fulfil it: it leaves nothing out."
            for number, count in enumerate(self.fulfilled)
            if self.asked and count == self.asked
        ]

    def _place(self, number: int) -> str:
        return f"{self.location(('constraints', number))}: constraints: {self.conditions[number].text!r}"

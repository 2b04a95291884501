"""The key `budget` of a study: what its trainings may cost, and until when they may run."""

import re
from datetime import datetime
from typing import Any

from pydantic import field_validator, model_validator

from segsweep.config.settings import Settings, key

TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[-+]\d\d:\d\d)?")
WRITTEN = "Write year, month, day and time: 2026-12-24T08:00, this machine's time, or 2026-12-24T08:00+01:00"


class Budget(Settings):
    """What ends a study before all of it is trained; see docs/budgets.md. Nothing that is trained depends on it."""

    gpu_hours: float | None = key(
        None,
        "Hours that the trainings of the study may take, one after the other; on a CPU hours of trainings.",
        gt=0,
        unit="h",
        outcome=False,
    )
    runs: int | None = key(
        None,
        "Runs of the study, those of `confirm`, `ensemble` and `test` included; each cell gets its first seed before "
        "any gets a second.",
        ge=1,
        outcome=False,
    )
    until: str | None = key(
        None,
        "When trainings end: `2026-12-24T08:00`, in the time of the machine that is started on, or with a zone, "
        "`2026-12-24T08:00+01:00`. What still trains then saves its state.",
        outcome=False,
    )

    @field_validator("until", mode="before")
    @classmethod
    def _a_time(cls, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str) or not TIME.fullmatch(value):
            raise ValueError(f"{value!r} is no time. {WRITTEN}")
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r}: {error}. {WRITTEN}") from None
        return value.replace(" ", "T")

    @model_validator(mode="after")
    def _limits_something(self):
        if self.gpu_hours is None and self.runs is None and self.until is None:
            raise ValueError("nothing stands in it. Give it gpu_hours, runs or until, or leave `budget` out")
        return self

    @property
    def ends(self) -> float | None:
        """When trainings end, seconds since the epoch."""
        return None if self.until is None else datetime.fromisoformat(self.until).timestamp()

"""The key `keep` of a study: what stays on the disk of a run that is trained."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from segsweep.config.program import PathInOut
from segsweep.config.settings import Settings, key

BEST = re.compile(r"best ([1-9]\d*)")


class Keep(Settings):
    """What is kept of trained runs. Nothing that is trained depends on it."""

    state: Literal["extendable", "none", "all"] = key(
        "extendable",
        "The complete state after a run's last epoch, most of its bytes: kept where more epochs may follow "
        "(`extendable`), where the study plans more (`none`), or always (`all`).",
        outcome=False,
    )
    weights: str = key(
        "all",
        "The weights of each run's best epoch: of `all` runs, or `best 10`: of those of the ten best settings. Tables "
        "and statistics need none.",
        pattern=rf"^(all|{BEST.pattern})$",
        outcome=False,
    )
    files: list[PathInOut] = key(["**"], "Of a program of your own, files in `{out}`, as patterns.", outcome=False)

    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """See `Settings`: a list is that of the files."""
        return {"files": value} if isinstance(value, list) else value

    @property
    def lets_go(self) -> bool:
        """Whether something that was needed for a while goes before a study is finished."""
        return self.best is not None or self.state == "none"

    @property
    def best(self) -> int | None:
        """How many settings' weights are kept; None: all."""
        found = BEST.fullmatch(self.weights)
        return int(found[1]) if found else None


AnyKeep = Annotated[Keep, BeforeValidator(Keep.spelled_out, json_schema_input_type=Keep | list[str])]

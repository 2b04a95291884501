"""No pruner: every trial is trained in full."""

from typing import ClassVar, Literal

from segsweep.config.search_components import Pruner
from segsweep.config.settings import key


class NoneSettings(Pruner):
    """Every trial is trained in full."""

    title: ClassVar[str] = "no pruner"

    name: Literal["none"] = key("none", "Which pruner.")

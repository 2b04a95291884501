"""Finding segments: in a plan, and complete ones in the store. No torch: imported before any process is forked."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from segsweep.errors import InputError


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """Consecutive epochs that one job trains, as plan.json describes them."""

    id: str
    label: str
    train: dict[str, Any]
    seed: int
    fold: dict[str, Any] | None
    first_epoch: int
    last_epoch: int
    total_epochs: int
    parent: str | None
    data: str
    dataset: dict[str, Any]
    metric: str
    minimize: bool
    can_be_prolonged: bool = True
    code_fingerprint: str = ""
    data_fingerprint: str = ""
    trainer: str = "builtin"


def find(plan: Path, segment: str) -> SegmentPlan:
    """A segment's plan.

    Raises:
        InputError: no such plan, or no such segment in it.
    """
    text = _text(plan)
    # The plan of ten thousand cells takes a second to parse, and each training looks for one entry of it.
    start = text.find(f'"{segment}": {{')
    if start < 0:
        count = len(json.loads(text)["segments"])
        raise InputError(f"{plan}: no segment {segment} among its {count}; has the study changed since?")
    found = json.JSONDecoder().raw_decode(text, start + len(segment) + len('"": '))[0]
    return SegmentPlan(**found)


def is_complete(folder: Path) -> bool:
    """Whether a segment's folder was published."""
    return (folder / "segment.json").exists()


@lru_cache(maxsize=1)
def _text(plan: Path) -> str:
    try:
        return plan.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{plan}: there is no such plan; `snakemake -n` writes it") from None

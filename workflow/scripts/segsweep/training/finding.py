"""Finding segments: in a plan, and complete ones in the store. No torch: imported before any process is forked."""

import json
from functools import lru_cache
from pathlib import Path

from segsweep.study.settings.base import InputError


def find(plan: Path, segment: str) -> dict:
    """A segment's description in a plan.

    Raises:
        InputError: no such plan, or no such segment in it.
    """
    segments = _segments(plan)
    if segment not in segments:
        raise InputError(f"{plan}: no segment {segment} among its {len(segments)}; has the study changed since?")
    return segments[segment]


def is_complete(folder: Path) -> bool:
    """Whether a segment's folder was published."""
    return (folder / "segment.json").exists()


@lru_cache(maxsize=1)
def _segments(plan: Path) -> dict:
    try:
        return json.loads(plan.read_text())["segments"]
    except FileNotFoundError:
        raise InputError(f"{plan}: there is no such plan; `snakemake -n` writes it") from None

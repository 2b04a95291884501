"""Snakemake's lock on the working folder, left behind by one that was killed."""

from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from segsweep.planning import markers

LOCKS = Path(".snakemake/locks")


def about_stale_lock(study: str, locks: Path = LOCKS, running: Mapping[str, Path] | None = None) -> str:
    """What to do about a lock of a Snakemake that does not run here; empty where there is none, or one runs.

    Snakemake itself says that the folder is locked, not by what, nor whether that is alive. Of a Snakemake on another
    machine only a person knows.

    Args:
        study: that was asked for, as in `--config study=NAME`.
        locks: Snakemake's folder of locks.
        running: the starts that run here; looked for if not given.
    """
    if not any(locks.glob("*.lock")) or (markers.running() if running is None else running):
        return ""
    return (
        "The folder is locked, and no Snakemake of this project runs in it on this machine: one was killed. If none "
        f"runs on another machine either: snakemake --unlock --config {quote(f'study={study}')}, then the same command "
        "again. What is trained stays."
    )

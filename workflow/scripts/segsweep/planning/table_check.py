"""Results made elsewhere, read when a study is planned: what is wrong with them is told before the first job."""

from collections.abc import Callable
from pathlib import Path

from segsweep.planning.worker_view import WorkerView


def check_table(study: WorkerView, location: Callable[[tuple], str]) -> None:
    """Read the table of a study as the first job will, unless what that made is newer than study and table.

    Args:
        study: one with `table`.
        location: where a key of its file stands, as `file:line`.

    Raises:
        InputError: as `segsweep.analysis.import_table.import_table`.
    """
    from segsweep.analysis.import_table import import_table  # studies that train do without it

    made, *read = (_changed(path) for path in (study.plan_file, study.study_file, *study.table_files))
    if None in (made, *read) or max(read) >= made:
        import_table(study.study, study.study_file.parent, location)


def _changed(path: Path) -> int | None:
    """When a file was changed last; None where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None

"""TensorBoard's event files: a scalar's tag is the column, its step the epoch."""

from pathlib import Path

from segsweep.programs.results_files import MalformedFile, Row

COMPLETE_HEADER = False
STEP = "step"


def read(path: Path, whole: bool) -> list[Row]:
    """See `segsweep.programs.results_files`: a row for each step, with the last value of each tag.

    A record that is written by half ends the file, also of a program that was killed.
    """
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    rows: dict[int, Row] = {}
    try:
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.HasField("tensor") and value.metadata.plugin_data.plugin_name in ("scalars", ""):
                    found = make_ndarray(value.tensor)
                    if found.size == 1 and found.dtype.kind in "fiu":
                        row = rows.setdefault(event.step, {STEP: str(event.step)})
                        row[value.tag] = str(found.flat[0])
    except Exception as error:  # the package names no type for a broken file
        raise MalformedFile(f"{path}: cannot be read as TensorBoard's events ({error}).") from error
    return list(rows.values())

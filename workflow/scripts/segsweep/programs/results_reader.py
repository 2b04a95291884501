"""What a program has written into its files of metrics since it was started."""

from pathlib import Path

from segsweep.config.program import ProgramResults
from segsweep.io import regular
from segsweep.programs.columns import column_of
from segsweep.programs.results_files import MalformedFile, Row, format_name, format_of
from segsweep.programs.results_files.tensorboard_events import STEP

Stamp = tuple[int, int, int]


class ResultsReader:
    """Reads the files that match `results.file` in a program's folder.

    What lies there already when the reader is made is not the program's: an earlier start, or the segment that it
    continues, has written it.
    """

    def __init__(self, out: Path, results: ProgramResults, *, from_nothing: bool = False):
        """
        Args:
            out: the program's folder.
            results: of the study.
            from_nothing: all that lies there counts.
        """
        name = results.format or format_name(results.file)
        self.out, self.results, self.format = out, results, format_of(name or "csv")
        by_step = name == "tensorboard" and "epoch" not in results.columns
        self.epoch_column = STEP if by_step else column_of(results, "epoch").column
        self._read: dict[Path, tuple[Stamp, list[Row]]] = {}
        self._before: dict[Path, list[Row]] = {}
        if not from_nothing:
            for path in self.files():
                try:
                    self._before[path] = self.format.read(path, True)
                except (MalformedFile, OSError):  # then all of what it becomes is new
                    continue

    def files(self) -> list[Path]:
        """The files there are, the oldest first."""
        return list(self._stamps())

    def changed(self) -> bool:
        """Whether any of the files is another one than when it was last read."""
        return any(path not in self._read or stamp != self._read[path][0] for path, stamp in self._stamps().items())

    def rows(self, whole: bool) -> list[Row]:
        """All rows of this start so far, in the order of the files' times.

        Args:
            whole: whether the program has ended.

        Raises:
            MalformedFile: a file is not of its format.
        """
        found: list[Row] = []
        for path, stamp in self._stamps().items():
            before = self._before.get(path, [])
            _, last = self._read.get(path, (stamp, before))
            try:
                rows = self.format.read(path, whole)
            except FileNotFoundError:  # removed meanwhile, to be written again
                continue
            except OSError as error:
                raise MalformedFile(f"{path}: cannot be read ({error.strerror}).") from error
            if len(rows) < len(last) and rows == last[: len(rows)]:  # it is being written again from its beginning
                rows = last
            self._read[path] = (stamp, rows)
            found += rows[len(before) :] if rows[: len(before)] == before else rows
        return found

    def _stamps(self) -> dict[Path, Stamp]:
        """What tells a file from a later state of it, for each file there is, the oldest first."""
        found = {}
        for path in self.out.glob(self.results.file):
            try:
                if path.is_file():
                    found[path] = _stamp(path)
            except FileNotFoundError:  # removed meanwhile, to be written again
                continue
        return dict(sorted(found.items(), key=lambda entry: (entry[1][0], entry[0])))


def cut_half_lines(out: Path, pattern: str) -> None:
    """Remove the line that a program which was killed has written by half: the next one would continue it.

    Args:
        out: the program's folder.
        pattern: of its files of metrics; those of TensorBoard have no lines, and no program continues one.
    """
    for path in out.glob(pattern):
        if "tfevents" in path.name or not path.is_file():
            continue
        content = regular(path).read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)


def _stamp(path: Path) -> Stamp:
    state = path.stat()
    return state.st_mtime_ns, state.st_size, state.st_ino

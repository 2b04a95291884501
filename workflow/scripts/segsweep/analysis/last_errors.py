"""Why a segment was not trained: the last error in the log of its last start."""

import re
from functools import cached_property
from pathlib import Path

from segsweep.exits import WRONG
from segsweep.io import regular

LOGS = Path("logs/train_segment")  # below results/, each log `<segment>.<start>.log`
# The last line of a traceback, what `note_killed` writes, or what is wrong with the input of a training.
ERROR = re.compile(rf"^(?:{WRONG}|(?:\w+\.)*\w*(?:Error|Exception|Killed)\b).*", re.MULTILINE)
# Of a program of one's own, without its command.
PROGRAM = re.compile(r"(?<=: )the program ended with (?:exit status|signal) \w+")
MOST = 300


class LastErrors:
    """The logs of trainings, listed once.

    folder: of the logs; it need not be there.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def logs(self) -> dict[str, str]:
        """By segment, the name of the log of its last start (starts are named by their time)."""
        names = sorted(path.name for path in self.folder.glob("*.log")) if self.folder.is_dir() else []
        return {name.partition(".")[0]: name for name in names}

    def of(self, segment: str) -> str:
        """The last line of its last log that names an error, at most 300 characters; empty where there is none."""
        if segment not in self.logs:
            return ""
        try:
            text = regular(self.folder / self.logs[segment]).read_text(encoding="utf-8", errors="replace")
        except OSError:  # removed meanwhile: then nothing is known, as without a log
            return ""
        found = ERROR.findall(text)
        if not found:
            return ""
        ended = PROGRAM.search(found[-1])
        return " ".join((ended[0] if ended else found[-1].removeprefix(WRONG)).split())[:MOST]

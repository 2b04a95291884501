"""How programs and forked processes end. It imports next to nothing: a warm training waits for it."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn

DONE, CRASHED, WRONG_INPUT = 0, 1, 2
INTERRUPTED = 75  # EX_TEMPFAIL, "try again"
CONTROL_C = 130
# Begins what a training says of wrong input, so that its log tells how it ended.
WRONG = "error: "


def note_killed(log: Path, code: int) -> None:
    """Write into the log of a process what it could not write any more.

    Args:
        log: of the process.
        code: its exit status; minus the number of a signal that killed it.
    """
    if code < 0 and -code not in (signal.SIGTERM, signal.SIGINT):  # these were asked for
        with log.open("a", encoding="utf-8") as file:
            file.write(f"Killed by {signal_in_words(-code)}\n")


def signal_in_words(number: int) -> str:
    """`SIGKILL, often the system's answer to too much memory`."""
    hint = ", often the system's answer to too much memory" if number == signal.SIGKILL else ""
    return f"{signal.Signals(number).name}{hint}"


def take_signals_as_usual() -> None:
    """End at a signal again, where something else was to be done."""
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def program(main: Callable[..., int]) -> Callable[..., int]:
    """Make a program's main function say on stderr what is wrong with its input, and return `WRONG_INPUT`.

    What a disk refuses it says in a line as well, and returns `CRASHED`; of Ctrl-C, `CONTROL_C`. It also imports no
    more than it uses (`lean_imports`).
    """

    @wraps(main)
    def told(argv: list[str] | None = None) -> int:
        from segsweep import lean_imports
        from segsweep.disk_errors import refusal_of_disk
        from segsweep.errors import InputError

        lean_imports.install()
        try:
            return main(argv)
        except InputError as error:
            print(error, file=sys.stderr)
            return WRONG_INPUT
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            return CONTROL_C
        except Exception as error:  # libraries have errors of their own around those of the system
            refusal = refusal_of_disk(error)
            if refusal is None:
                raise
            print(refusal, file=sys.stderr)
            return CRASHED

    return told


def end_with(work: Callable[[], int | None]) -> NoReturn:
    """Run `work` and end this process, a forked one, with its exit status.

    Nothing that happens may let the process continue as a copy of its parent.
    """
    status = CRASHED
    try:
        status = work() or 0
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        status = CONTROL_C
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # whoever read this may be gone
            os._exit(status)

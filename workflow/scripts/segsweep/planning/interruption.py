"""Ctrl-C before the first job, wherever in the Snakefile or in Snakemake it comes: a line in place of a traceback."""

import signal
import sys
import threading
from typing import NoReturn

from segsweep.exits import CONTROL_C


def stop_in_a_line() -> None:
    """Have Ctrl-C end this process with a line, until `stop_as_ever`; not where it is ignored, or handled by others."""
    is_main = threading.current_thread() is threading.main_thread()  # of others, Python lets none handle signals
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def stop_as_ever() -> None:
    """Jobs run from here on: Snakemake ends them."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(*_: object) -> NoReturn:
    print("Stopped while the study was planned; nothing was started.", file=sys.stderr, flush=True)
    raise SystemExit(CONTROL_C)

"""Ctrl-C before the first job is a line; afterwards it is Snakemake's."""

import os
import signal

import pytest

from segsweep.exits import CONTROL_C, program
from segsweep.planning.interruption import stop_as_ever, stop_in_a_line


@pytest.fixture(autouse=True)
def _handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def control_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_it_ends_the_process_with_a_line_until_jobs_run(capsys):
    stop_in_a_line()
    with pytest.raises(SystemExit) as ended:
        control_c()
    assert ended.value.code == CONTROL_C
    assert capsys.readouterr().err == "Stopped while the study was planned; nothing was started.\n"
    stop_as_ever()
    with pytest.raises(KeyboardInterrupt):
        control_c()


def test_where_it_is_ignored_it_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop_in_a_line()
    control_c()
    stop_as_ever()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_program_says_so_too(capsys):
    @program
    def main(argv=None) -> int:
        control_c()
        return 0

    assert main([]) == CONTROL_C
    assert capsys.readouterr().err == "Stopped.\n"

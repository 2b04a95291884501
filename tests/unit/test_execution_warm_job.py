"""Processes of the warm server that stay for the next job, with a small program in place of a training."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import train_segment

from segsweep.training import memory
from tests.warm_clients import client, environment, folder_of_scripts, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm server is for Linux")
# Says in which process it runs, and stays unless something cannot be put back.
PROGRAM = """
import os, signal, sys, time, warnings
from pathlib import Path

def stays(argv):
    return lambda: argv[0] != "spoil"

def main(argv):
    what, *rest = argv
    print(os.getpid(), os.getcwd(), os.environ.get("COLOUR"), oct(os.umask(0o22)))
    warnings.warn("said once")
    if what == "meet":  # another one that runs at the same time
        mine, other = map(Path, rest)
        mine.touch()
        while not other.exists():
            time.sleep(0.01)
    if what == "wait":
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append("TERM"))
        Path(rest[0]).touch()
        while not told:
            time.sleep(0.01)
        return 75
    return 3 if what == "fail" else 0
"""


@pytest.fixture
def scripts_folder():
    with folder_of_scripts(PROGRAM) as folder:
        yield folder


def process_of(scripts_folder, *words, **more) -> int:
    """Id of the process in which the program ran."""
    return seen(client(scripts_folder, *words, **more))[0]


def seen(asked) -> tuple[int, str, int]:
    """Id of the process in which a program ran, what else it found there, and its exit status.

    Its output ends with it, though its process may stay: else this waited in vain.
    """
    out, error = asked.communicate(timeout=60)
    assert error.count("UserWarning") == 1, error
    pid, _, found = out.partition(" ")
    return int(pid), found.strip(), asked.returncode


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_process_stays_and_finds_what_each_client_asks_for(scripts_folder, tmp_path):
    first, found, status = seen(client(scripts_folder, "do", cwd=tmp_path))
    assert (found, status) == (f"{tmp_path} green 0o22", 0)
    second, found, status = seen(client(scripts_folder, "do", cwd=scripts_folder, umask=0o77))
    assert (found, status) == (f"{scripts_folder} green 0o77", 0)
    assert first == second
    until(lambda: not lives(first))  # it is not kept for long


@pytest.mark.parametrize(("words", "status"), [(["fail"], 3), (["spoil"], 0)])
def test_a_process_ends_after_what_it_cannot_put_back(scripts_folder, words, status):
    first, _, found = seen(client(scripts_folder, *words))
    assert found == status
    assert process_of(scripts_folder, "do") != first


def test_who_asks_with_another_environment_or_other_cores_has_a_process_of_its_own(scripts_folder):
    first = process_of(scripts_folder, "do")
    second, found, _ = seen(client(scripts_folder, "do", environ={"COLOUR": "red"}))
    assert "red" in found
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        third = client(scripts_folder, "do", environ={"COLOUR": "red"}, preexec_fn=lambda: pin(cores[:1]))
        assert seen(third)[0] != second
    assert first != second
    assert not lives(first)


def pin(cores: list[int]) -> None:
    os.sched_setaffinity(0, cores)


def test_jobs_at_the_same_time_have_a_process_each_and_both_stay(scripts_folder, tmp_path):
    def both(*names: str) -> set[int]:
        paths = [str(tmp_path / name) for name in names]
        asked = [client(scripts_folder, "meet", *two) for two in (paths, paths[::-1])]
        return {seen(one)[0] for one in asked}

    first = both("a", "b")
    assert len(first) == 2
    assert both("c", "d") == first


def test_a_process_that_was_killed_while_it_waited_is_replaced(scripts_folder):
    first = process_of(scripts_folder, "do")
    os.kill(first, signal.SIGKILL)
    second, _, status = seen(client(scripts_folder, "do"))
    assert (second != first, status) == (True, 0)


def test_signals_and_the_end_of_the_client_reach_a_later_job_of_a_process(scripts_folder, tmp_path):
    for number, status in ((signal.SIGTERM, 75), (signal.SIGKILL, -9)):
        first, begun = process_of(scripts_folder, "do"), tmp_path / str(number)
        asked = client(scripts_folder, "wait", str(begun))
        until(begun.exists)
        asked.send_signal(number)
        second, _, found = seen(asked)
        assert (second, found) == (first, status)
        until(lambda pid=first: not lives(pid))


def test_a_training_says_whether_another_one_may_follow(tmp_path):
    options = ["--plan", "plan.json", "--segment", "s", "--store", "store", "--marker", str(tmp_path / "marker")]
    (tmp_path / "marker").touch()
    assert train_segment.stays(options)()
    (tmp_path / "marker").write_text("ValueError: a bug\n")
    assert not train_segment.stays(options)()


RESIDENT, IN_LARGE_PAGES, PEAK = range(3)  # in MB, as `LET_GO` tells them
# Tensors of 4 MB, and small ones that stay between them.
LET_GO = """
import torch
from pathlib import Path
from segsweep.training import memory

def resident():
    lines = [line for file in ("status", "smaps_rollup") for line in Path("/proc/self", file).read_text().splitlines()]
    keys = dict(line.split(":", 1) for line in lines if ":" in line)
    return [int(keys[key].split()[0]) // 1024 for key in ("VmRSS", "AnonHugePages", "VmHWM")]

small = []
large = [small.append(torch.ones(1000)) or torch.ones(2**20) for _ in range(100)]
print(*resident())
del large
memory.forget_peak()
print(*resident())
large = [torch.ones(2**20) for _ in range(100)]
print(*resident())
print(sum(float(one.sum()) for one in small))
"""


def test_memory_is_given_back_in_large_pages():
    tunables = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912"
    environ = environment(Path("tests")) | {"GLIBC_TUNABLES": tunables}
    out = subprocess.run([sys.executable, "-c", LET_GO], env=environ, check=True, capture_output=True, text=True)
    full, left, again, (total,) = ([float(word) for word in line.split()] for line in out.stdout.splitlines())
    assert total == 100_000
    assert left[RESIDENT] < full[RESIDENT] - 150
    assert left[PEAK] < full[RESIDENT] - 150
    assert again[RESIDENT] - again[IN_LARGE_PAGES] < full[RESIDENT] - full[IN_LARGE_PAGES] + 100


def test_the_peak_of_a_process_is_forgotten():
    import torch

    cpu = torch.device("cpu")
    memory.forget_peak()
    before = memory.peak_memory_mb(cpu)
    large = torch.ones(2**26)  # 256 MB
    assert memory.peak_memory_mb(cpu) > before + 200
    del large
    memory.forget_peak()
    assert memory.peak_memory_mb(cpu) < before + 100

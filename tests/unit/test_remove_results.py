"""`make clean`: what it says, whom it asks, and that nothing goes before."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import remove_results

from segsweep.planning import markers
from tests.segments import write_segment

FOLDERS = ["results", ".snakemake", ".venv"]


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Two trained segments and an environment, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for letter in "ab":
        write_segment(Path("results/segments"), f"{letter * 16}-0004", train_seconds=5400.0)
    Path("results/segments/aaaaaaaaaaaaaaaa-0004/last.pt").write_bytes(b"x" * 2_500_000)
    Path(".venv").mkdir()
    return tmp_path


def at_terminal(answer: bytes) -> int:
    """The exit status of the program as somebody at a terminal has it; what it says is printed."""
    here, there = pty.openpty()
    os.write(here, answer)
    # -S: what is installed is not there.
    command = [sys.executable, "-S", remove_results.__file__, *FOLDERS]
    done = subprocess.run(command, stdin=there, capture_output=True, text=True, check=False)
    os.close(here)
    os.close(there)
    print(done.stdout, done.stderr)
    return done.returncode


def test_a_person_sees_what_goes_and_must_say_yes(trained, capsys):
    for answer in (b"\n", b"y\n", b"\x04"):
        assert at_terminal(answer) == 1
    said = capsys.readouterr().out
    assert "2.5 MB  results: 2 trained segments, 3 h 0 min of training\n  0 bytes  .venv\n" in said
    assert said.count("Nothing was removed.") == 3
    assert len(list(Path("results/segments").iterdir())) == 2
    assert at_terminal(b"yes\n") == 0
    assert list(trained.iterdir()) == []
    assert at_terminal(b"") == 0
    assert "Nothing to remove: there is no results or .snakemake or .venv here." in capsys.readouterr().out


def test_without_a_terminal_it_goes_only_where_that_is_said(trained, capsys):
    assert remove_results.main(FOLDERS) == 2
    assert "no terminal to ask on. `make clean YES=1`" in capsys.readouterr().err
    assert Path("results/segments").is_dir()
    assert remove_results.main(["--yes", *FOLDERS]) == 0
    assert list(trained.iterdir()) == []


def test_nothing_goes_while_something_trains(trained, capsys):
    held = markers.hold("20261129-100000-1", Path("results/little"))
    assert remove_results.main(["--yes", *FOLDERS]) == 2
    assert "Snakemake is at work here, on little" in capsys.readouterr().err
    markers.release("20261129-100000-1", held)
    assert remove_results.main(["--yes", *FOLDERS]) == 0


def test_of_a_link_only_the_link_goes(trained, capsys):
    Path("results").rename("elsewhere")
    Path("results").symlink_to("elsewhere")
    assert remove_results.main(["--yes", *FOLDERS]) == 0
    assert "results, a link to elsewhere: what it links to stays" in capsys.readouterr().out
    assert not Path("results").exists()
    assert len(list(Path("elsewhere/segments").iterdir())) == 2

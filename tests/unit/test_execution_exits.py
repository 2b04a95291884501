"""How programs and forked processes end."""

import errno
import importlib
import os
import sys
from pathlib import Path

import pytest

from segsweep.exits import CONTROL_C, CRASHED, WRONG_INPUT, end_with, program
from segsweep.io import write_text

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
# How each program that reads what a person supplied is started on something that is not there.
STARTS = {
    "analyze_study": ["--results", "nothing"],
    "build_report": ["--results", "nothing", "--output", "out"],
    "clean_up": ["--study", "nothing"],
    "collect_results": ["--plan", "nothing.json", "--output", "out"],
    "decide_step": ["--plan", "nothing.json", "--previous", "none", "--output", "out"],
    "describe_data": ["--plan", "nothing.json", "--output", "out"],
    "draw_images": ["--plan", "nothing.json", "--store", "store", "--results", "nothing", "--output", "out"],
    "export_model": ["--plan", "nothing.json", "--results", "nothing", "--output", "out"],
    "export_report": ["--results", "nothing", "--output", "out"],
    "fetch_data": ["cityscapes", "--data-root", "data"],  # its archives must be there
    "import_table": ["--study", "nothing.yaml", "--output", "out"],
    "inspect_data": ["nothing"],
    "predict_test": ["--plan", "nothing.json", "--ranking", "ranking.csv", "--output", "out.zip"],
    "score_ensemble": ["--plan", "nothing.json", "--output", "out"],
    "score_test": ["--plan", "nothing.json", "--ranking", "ranking.csv", "--output", "out"],
    "share_store": ["push", "--study", "nothing"],
    "show_status": ["--study", "nothing"],
    "train_pack": ["--plan", "nothing.json", "--segments", "a", "--store", "store"],
    "train_segment": ["--plan", "nothing.json", "--segment", "a", "--store", "store"],
    "verify_report": ["--results", "nothing"],
}


def status_of(work) -> int:
    """Exit status of a forked process that ends with `work`."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        end_with(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def raises(error):
    """A piece of work that raises."""

    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "status"),
    [
        (lambda: None, 0),
        (lambda: 75, 75),
        (raises(SystemExit()), 0),
        (raises(SystemExit(3)), 3),
        (raises(SystemExit("no good")), CRASHED),
        (raises(ValueError("no good")), CRASHED),
        (raises(KeyboardInterrupt()), CONTROL_C),
    ],
)
def test_a_forked_process_ends_with_the_status_of_its_work(work, status, capfd):
    assert status_of(work) == status
    assert ("no good" in capfd.readouterr().err) == (status == CRASHED)


def test_what_the_disk_refuses_is_said_in_a_line(capsys):
    @program
    def full(argv):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/a.csv")
        except OSError as error:
            raise RuntimeError("a library's own words") from error

    assert full() == CRASHED
    assert capsys.readouterr().err.splitlines() == [
        "out/a.csv: No space left on device. Make room (`make clean-up` shows what can go), and start again: what is "
        "complete stays, and the rest resumes or is made again."
    ]


@pytest.mark.parametrize("name", STARTS)
def test_wrong_input_is_said_and_has_one_status(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("study: nothing\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    assert importlib.import_module(name).main(STARTS[name]) == WRONG_INPUT
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said


def test_what_is_in_the_way_of_a_file_is_named_with_a_remedy(tmp_path, capsys):
    (tmp_path / "file").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "plain").write_text("")
    for work, said in (
        (lambda: write_text(tmp_path / "file", "x"), "/file: Is a directory. A file belongs there: move the folder"),
        (lambda: (tmp_path / "file").open(), "/file: Is a directory"),
        (lambda: (tmp_path / "loop").stat(), "/loop: Too many levels of symbolic links. The link leads to itself"),
        (lambda: write_text(tmp_path / "plain/x", "x"), "plain/.x"),
        (raises(PermissionError(13, "Permission denied", "a.csv")), "a.csv: Permission denied. Have its permissions"),
    ):
        assert program(lambda argv, work=work: work())(None) == CRASHED
        assert said in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"file", "loop", "plain"}


def test_an_error_that_only_followed_one_of_a_file_keeps_its_traceback():
    def main(argv):
        try:
            raise IsADirectoryError(21, "Is a directory", "a.csv")
        except OSError:
            return {}["x"]

    with pytest.raises(KeyError):
        program(main)(None)

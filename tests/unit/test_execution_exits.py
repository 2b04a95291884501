"""How programs and forked processes end."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from segsweep.errors import InputError, files_named
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


def test_a_file_that_the_system_refuses_is_named_with_a_remedy(tmp_path, capsys):
    (tmp_path / "file").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "plain").write_text("")
    for work, said in (
        (lambda: write_text(tmp_path / "file", "x"), "/file: Is a directory. A file belongs there: move the folder"),
        (lambda: (tmp_path / "file").open(), "/file: Is a directory"),
        (lambda: (tmp_path / "loop").stat(), "/loop: Too many levels of symbolic links. A link leads to itself"),
        (lambda: write_text(tmp_path / "plain/x", "x"), "plain/.x"),
        (raises(PermissionError(13, "Permission denied", "a.csv")), "a.csv: Permission denied. Have its permissions"),
    ):
        assert program(lambda argv, work=work: work())(None) == WRONG_INPUT
        assert said in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"file", "loop", "plain"}


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "No such file", "a.csv"), OSError("of a library"), KeyError("x")]
)
def test_other_errors_keep_their_traceback(error):
    with pytest.raises(type(error)), files_named():
        raise error
    assert not isinstance(error, InputError)

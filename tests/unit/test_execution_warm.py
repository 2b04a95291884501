"""The warm server, with a small program and a small library in place of torch."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from segsweep.execution import warm_client
from tests.warm_clients import client, environment, folder_of_scripts, servers, until

PROGRAM = """
import os, signal, sys, time
from pathlib import Path

def main(argv):
    what, *rest = argv
    if what == "exit":
        return int(rest[0])
    if what == "raise":
        raise ValueError("a bug")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "show":
        print(os.getcwd(), os.environ["COLOUR"], rest, *(x in sys.modules for x in ("fractions", "segsweep.training")))
        print("to stderr", file=sys.stderr)
        return 0
    if what == "threads":
        print(os.environ["OMP_NUM_THREADS"])
        return 0
    if what == "paths":
        assert "segsweep.losses" in sys.modules
        import segsweep.exits
        print(segsweep.exits.__file__, sys.path[0], *(path for path in sys.path[1:] if path == rest[0]))
        return 0
    if what == "wait":  # until told to stop
        told = []
        signal.signal(signal.SIGUSR1, lambda *_: told.append("USR1"))
        signal.signal(signal.SIGTERM, lambda *_: told.append("TERM"))
        Path(rest[0]).write_text(str(os.getpid()))
        while not told:
            time.sleep(0.01)
        Path(rest[1]).write_text(told[0])
        return 75
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm server is for Linux")


@pytest.fixture(scope="module")
def scripts_folder():
    with folder_of_scripts(PROGRAM) as folder:
        yield folder


def test_output_folder_environment_and_libraries_are_those_asked_for(scripts_folder, tmp_path):
    done = client(scripts_folder, "show", "a b", cwd=tmp_path)
    out, error = done.communicate()
    assert done.returncode == 0, error
    assert out == f"{tmp_path} green ['a b'] True False\n"
    assert error == "to stderr\n"


def loads(scripts_folder) -> list[str]:
    """The number of threads that the libraries read each time they were imported."""
    return (scripts_folder / "warm_libraries.loads").read_text().split()


def test_the_server_is_used_again(scripts_folder):
    client(scripts_folder, "exit", "0").communicate()
    before = servers(scripts_folder)
    client(scripts_folder, "exit", "0").communicate()
    assert servers(scripts_folder) == before
    assert len(before) == 2  # that of the libraries, and that of jobs


def test_clones_and_edited_code_have_servers_of_their_own_that_share_the_libraries(scripts_folder, tmp_path):
    environ = {"SEGSWEEP_WARM_S": "60", "OMP_TEST": "clones"}
    client(scripts_folder, "exit", "0", environ=environ).communicate()
    seen, loaded = servers(scripts_folder), loads(scripts_folder)
    shutil.copytree(warm_client.SCRIPTS / "segsweep", tmp_path / "segsweep", ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copy(scripts_folder / "program.py", tmp_path)

    def asked() -> list[str]:
        out, error = client(
            scripts_folder, "paths", str(warm_client.SCRIPTS), scripts=tmp_path, environ=environ
        ).communicate()
        assert error == ""
        return out.split()

    # The scripts of the first clone are in the path once, by PYTHONPATH.
    assert asked() == [f"{tmp_path}/segsweep/exits.py", str(tmp_path), str(warm_client.SCRIPTS)]
    of_clone = servers(scripts_folder).keys() - seen.keys()
    assert len(of_clone) == 1
    with (tmp_path / "segsweep/losses/focal.py").open("a") as file:
        file.write("# edited\n")
    asked()
    assert len(servers(scripts_folder).keys() - seen.keys() - of_clone) == 1
    assert loads(scripts_folder) == loaded
    with (tmp_path / "segsweep/exits.py").open("a") as file:  # which the process with the libraries runs itself
        file.write("# edited\n")
    asked()
    assert len(loads(scripts_folder)) == len(loaded) + 1


def test_jobs_of_any_number_of_threads_share_libraries_imported_with_one(scripts_folder):
    client(scripts_folder, "exit", "0").communicate()
    loaded = loads(scripts_folder)
    for threads in ("3", "2"):
        environ = {"OMP_TEST": "threads", "OMP_NUM_THREADS": threads}
        out, error = client(scripts_folder, "threads", environ=environ).communicate()
        assert (out, error) == (f"{threads}\n", "")
    assert loads(scripts_folder) == [*loaded, "1"]


def test_what_was_edited_is_in_force(scripts_folder, tmp_path):
    for text in ("one", "another"):
        (tmp_path / "program.py").write_text(f"def main(argv):\n    print({text!r})\n    return 0\n")
        assert client(scripts_folder, scripts=tmp_path).communicate()[0] == f"{text}\n"


@pytest.mark.parametrize(
    ("words", "status"), [(["exit", "0"], 0), (["exit", "75"], 75), (["raise"], 1), (["kill"], 137)]
)
def test_exit_statuses_come_back(scripts_folder, words, status):
    done = client(scripts_folder, *words)
    _, error = done.communicate()
    assert done.returncode == status
    assert ("ValueError: a bug" in error) == (words == ["raise"])


@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGUSR1, "USR1"), (signal.SIGTERM, "TERM"), (signal.SIGKILL, "TERM")]
)
def test_signals_reach_the_job_and_so_does_the_clients_death(scripts_folder, tmp_path, number, told):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    waiting = client(scripts_folder, "wait", str(begun), str(ended))
    until(lambda: begun.exists() and begun.read_text())
    waiting.send_signal(number)
    waiting.communicate()
    assert waiting.returncode == (-9 if number == signal.SIGKILL else 75)
    until(lambda: ended.exists() and ended.read_text())
    assert ended.read_text() == told


def test_a_server_whose_code_was_edited_meanwhile_serves_nobody(scripts_folder, tmp_path, monkeypatch):
    edited = tmp_path / "edited.py"
    edited.write_text(f"def load():\n    with open({str(edited)!r}, 'a') as file:\n        file.write('# edited')\n")
    monkeypatch.setattr(tempfile, "tempdir", str(scripts_folder))
    environ = environment(scripts_folder) | {"SEGSWEEP_WARM_S": "60"}
    imports = warm_client.Imports("warm_libraries:load", "edited:load")
    assert warm_client.run_warm("program", ["exit", "0"], environ, scripts=tmp_path, imports=imports) is None
    address = scripts_folder / "address"
    code = (
        f"import sys; sys.path.insert(0, {str(warm_client.SCRIPTS)!r})\n"
        "from segsweep.execution import warm_server\n"
        f"warm_server.serve_libraries({str(address)!r}, 'warm_libraries:load', 'of another file')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environ)
    assert not address.exists()


def test_for_a_program_that_imports_little_no_server_is_started(scripts_folder, tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text("def main(argv):\n    return 7\n")
    monkeypatch.setattr(tempfile, "tempdir", str(scripts_folder))
    environ = environment(scripts_folder)

    def asked(start: bool) -> int | None:
        imports = warm_client.Imports("warm_libraries:load", "warm_code:load")
        return warm_client.run_warm("program", [], environ, scripts=tmp_path, imports=imports, start=start)

    assert [asked(False), asked(True), asked(False)] == [None, 7, 7]


def test_no_server_is_no_error(scripts_folder, monkeypatch):
    folder = scripts_folder / f"segsweep-{os.getuid()}"
    monkeypatch.setattr(tempfile, "tempdir", str(scripts_folder))

    def asked(*imports: str) -> int | None:
        environ = environment(scripts_folder) | {"SEGSWEEP_WARM_S": "60"}
        names = warm_client.Imports(*imports)
        return warm_client.run_warm("program", ["exit", "0"], environ, scripts=scripts_folder, imports=names)

    folder.chmod(0o755)
    try:
        assert asked("warm_libraries:load", "warm_code:load") is None
    finally:
        folder.chmod(0o700)
    assert asked("not_there:load", "warm_code:load") is None
    assert asked("warm_libraries:load", "not_there:load") is None
    assert asked("warm_libraries:load", "warm_code:load") == 0


def zombies_of(pid: int) -> list[int]:
    """Children that ended and were not seen off."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state == "Z":
                found.append(int(stat.parent.name))
    return found


def test_the_libraries_outlive_a_server_of_jobs_and_leave_no_zombie(scripts_folder):
    environ = {"SEGSWEEP_WARM_S": "60", "OMP_TEST": "zombies"}
    before = servers(scripts_folder)
    client(scripts_folder, "exit", "0", environ=environ).communicate()
    new = [pid for name, pid in servers(scripts_folder).items() if name not in before]
    parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]): pid for pid in new}
    (libraries,) = parents.keys() & set(new)
    os.kill(parents[libraries], signal.SIGKILL)
    until(lambda: not Path(f"/proc/{parents[libraries]}").exists())
    until(lambda: not zombies_of(libraries))
    assert client(scripts_folder, "exit", "7", environ=environ).wait() == 7
    assert libraries in servers(scripts_folder).values()


def test_servers_end_soon_after_the_snakemake_that_asked(scripts_folder):
    with tempfile.TemporaryDirectory(prefix="w", dir="/tmp" if os.access("/tmp", os.W_OK) else None) as place:
        folder = Path(place, f"segsweep-{os.getuid()}")
        snakemake = subprocess.Popen(["sleep", "60"])
        environ = {"TMPDIR": place, "SEGSWEEP_START": f"20260101-000000-{snakemake.pid}", "SEGSWEEP_WARM_S": "0.2"}
        asked = client(scripts_folder, "exit", "0", environ=environ)
        assert asked.wait() == 0, asked.stderr.read()
        time.sleep(2.5)
        assert [path for path in folder.iterdir() if path.is_socket()]  # it may be asked again
        snakemake.kill()
        snakemake.wait()
        until(lambda: not [path for path in folder.iterdir() if path.is_socket()])

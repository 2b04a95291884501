"""The warm server, with a small program and a small library in place of torch."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from segsweep.execution import warm_client

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
    if what == "paths":
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
CLIENT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from segsweep.execution.warm_client import run_warm
status = run_warm("program", sys.argv[2:], scripts=Path(sys.argv[1]), preload="warm_libraries:load")
assert "torch" not in sys.modules
sys.exit(99 if status is None else status)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm server is for Linux")


@pytest.fixture(scope="module")
def scripts_folder():
    # A socket's path has at most 107 characters, which pytest's folder or a job's TMPDIR may fill.
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="w", dir=short) as folder:
        Path(folder, "program.py").write_text(PROGRAM)
        Path(folder, "warm_libraries.py").write_text("def load():\n    import fractions\n")
        yield Path(folder)
        for path in Path(folder, f"segsweep-{os.getuid()}").iterdir():
            if path.is_socket():
                subprocess.run([sys.executable, "-c", STOP, str(path)], check=True)


# Ends the server of a socket: the test leaves no process behind.
STOP = """
import os, signal, socket, struct, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
os.kill(pid, signal.SIGKILL)
"""


def client(scripts_folder, *words, scripts=None, environ=None, **more) -> subprocess.Popen:
    """A client of the server in `scripts_folder`, whose program lies there or in `scripts`, a clone."""
    path = os.pathsep.join([str(warm_client.SCRIPTS), str(scripts_folder)])
    environ = os.environ | {"PYTHONPATH": path, "TMPDIR": str(scripts_folder), "COLOUR": "green"} | (environ or {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(scripts or scripts_folder), *words], env=environ, text=True, **pipes, **more
    )


def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("did not happen")


def test_output_folder_environment_and_libraries_are_those_asked_for(scripts_folder, tmp_path):
    done = client(scripts_folder, "show", "a b", cwd=tmp_path)
    out, error = done.communicate()
    assert done.returncode == 0, error
    assert out == f"{tmp_path} green ['a b'] True False\n"
    assert error == "to stderr\n"


def sockets(scripts_folder):
    return {path.name for path in scripts_folder.glob("segsweep-*/*") if path.is_socket()}


def test_the_server_is_used_again(scripts_folder):
    client(scripts_folder, "exit", "0").communicate()
    before = sockets(scripts_folder)
    client(scripts_folder, "exit", "0").communicate()
    assert sockets(scripts_folder) == before
    assert len(before) == 1


def test_clones_have_servers_of_their_own_and_so_has_code_that_was_edited(scripts_folder, tmp_path):
    client(scripts_folder, "exit", "0").communicate()
    seen = sockets(scripts_folder)
    shutil.copytree(warm_client.SCRIPTS / "segsweep", tmp_path / "segsweep", ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copy(scripts_folder / "program.py", tmp_path)
    out, error = client(scripts_folder, "paths", str(warm_client.SCRIPTS), scripts=tmp_path).communicate()
    # The scripts of the first clone are in the path once, by PYTHONPATH.
    assert out.split() == [f"{tmp_path}/segsweep/exits.py", str(tmp_path), str(warm_client.SCRIPTS)], error
    assert len(sockets(scripts_folder) - seen) == 1  # those of the first may have ended meanwhile
    seen |= sockets(scripts_folder)
    with (tmp_path / "segsweep/losses/focal.py").open("a") as file:
        file.write("# edited\n")
    client(scripts_folder, "exit", "0", scripts=tmp_path).communicate()
    assert len(sockets(scripts_folder) - seen) == 1


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


def test_a_server_whose_code_was_edited_meanwhile_serves_nobody(scripts_folder, tmp_path):
    (tmp_path / "slow.py").write_text(
        f"def load():\n    with open({str(tmp_path / 'slow.py')!r}, 'a') as file:\n        file.write('# edited')\n"
    )
    address = tmp_path / "socket"
    code = (
        f"import sys; sys.path[:0] = [{str(warm_client.SCRIPTS)!r}, {str(tmp_path)!r}]\n"
        "from segsweep.execution import warm_client, warm_server\n"
        f"state = warm_client.code_state(warm_client.Path({str(tmp_path)!r}))\n"
        f"warm_server.serve({str(address)!r}, 'slow:load', {str(tmp_path)!r}, state)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert not address.exists()


def test_no_server_is_no_error(scripts_folder, monkeypatch):
    folder = scripts_folder / f"segsweep-{os.getuid()}"
    monkeypatch.setattr(tempfile, "tempdir", str(scripts_folder))
    folder.chmod(0o755)
    try:
        assert (
            warm_client.run_warm("program", ["exit", "0"], scripts=scripts_folder, preload="warm_libraries:load")
            is None
        )
    finally:
        folder.chmod(0o700)
    assert warm_client.run_warm("program", ["exit", "0"], scripts=scripts_folder, preload="not_there:load") is None


def test_the_server_ends_soon_after_the_snakemake_that_asked(scripts_folder):
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

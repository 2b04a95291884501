"""A study's tables are compared with what their program noted before anything is made of them."""

import errno

import analyze_study
import build_report
import draw_images
import pytest
import verify
import write_metrics

from segsweep.checksums import DamagedFile
from segsweep.table_sums import FOLDER, check_tables, note_tables, table_problems
from segsweep.tables import outputs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The tables of a study, as `collect_results` leaves them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/little"
    folder.mkdir(parents=True)
    for name, path in outputs("collect_results", folder).items():
        with open(path, "w") as file:
            file.write(f"run,{name}\na,1\nb,2\n" * 20)
    note_tables(folder, "collect_results")
    return folder


def test_half_a_table_is_found_before_anything_is_made_of_it(folder, capsys):
    check_tables(folder)
    content = (folder / "images.csv").read_bytes()
    (folder / "images.csv").write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFile, match=r"images\.csv: was changed since it was made\. Delete it .* made again"):
        check_tables(folder)
    results = ["--results", str(folder)]
    output = ["--output", str(folder)]
    plan = ["--plan", str(folder / "plan.json"), "--store", str(folder)]
    for program, words in (
        (analyze_study, results),
        (write_metrics, results),
        (build_report, [*results, *output]),
        (draw_images, [*plan, *results, *output]),
    ):
        assert program.main(words) == 2
        assert "images.csv: was changed since it was made" in capsys.readouterr().err


def test_repair_deletes_a_damaged_table_alone(folder, capsys):
    others = {path.name for path in folder.iterdir()}
    assert verify.main([]) == 0
    (folder / "runs.csv").write_text("run\n")
    assert list(table_problems(folder)) == [folder / "runs.csv"]
    assert verify.main([]) == 1
    assert "the tables of 1 study compared with their checksums: 1 damaged" in capsys.readouterr().out
    assert verify.main(["--repair"]) == 0
    assert {path.name for path in folder.iterdir()} - {".checked"} == others - {"runs.csv"}
    assert verify.main([]) == 0


def test_tables_without_checksums_are_taken_as_they_are(folder):
    (folder / FOLDER / "collect_results").unlink()
    (folder / "runs.csv").write_text("run\n")
    check_tables(folder)
    assert table_problems(folder) == {}


@pytest.mark.parametrize("kept", [b"", b"half", None])
def test_checksums_that_are_lost_are_damage(folder, capsys, kept):
    """Cut anywhere, at the end of a line as well (None)."""
    file = folder / FOLDER / "collect_results"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) if kept is None else kept)
    lost = lines[-1].split()[1].decode()
    with pytest.raises(DamagedFile, match=rf"{lost}: its checksum is lost, in \.sums\. Delete it"):
        check_tables(folder)
    assert len(table_problems(folder)) == (1 if kept is None else len(lines))
    assert verify.main(["--repair"]) == 0
    assert not (folder / lost).exists()
    assert verify.main([]) == 0


def test_checksums_that_the_disk_does_not_give_back_are_no_damage(folder):
    (folder / FOLDER / "collect_results").unlink()
    (folder / FOLDER / "collect_results").symlink_to("/proc/self/mem")  # reading it is an I/O error
    with pytest.raises(OSError, match=r"\.sums/collect_results") as caught:
        check_tables(folder)
    assert caught.value.errno == errno.EIO


def test_a_study_that_becomes_another_kind_forgets_what_it_was(folder):
    (folder / "runs.csv").write_text("run\n")
    note_tables(folder, "import_table")
    check_tables(folder)
    (folder / "runs.csv").write_text("run,more\n")
    note_tables(folder, "collect_results")
    check_tables(folder)


def test_a_table_that_is_made_again_is_noted_again(folder):
    (folder / "runs.csv").write_text("run\n")
    note_tables(folder, "collect_results")
    check_tables(folder)

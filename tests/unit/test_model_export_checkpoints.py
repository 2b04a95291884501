"""What is exported of a study whose program is a person's own, and of one that has no model."""

from dataclasses import replace

import pytest

from segsweep.errors import InputError
from segsweep.model_export.export_model import export_model
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan, study_plan


@pytest.fixture
def study(tmp_path):
    """A plan of one run of a program, its store and its tables; `best.pt` is there, `last.pt` is not."""
    segment = segment_plan(program={"checkpoint": "best.pt"})
    plan = study_plan(segment, study={"command": "python train.py --out {out}"})
    store = SegmentStore(tmp_path / "segments")
    store.program_files(segment.id).mkdir(parents=True)
    (store.program_files(segment.id) / "best.pt").write_bytes(b"weights")
    (tmp_path / "runs.csv").write_text(
        "cell,run,seed,fold,status,best_epoch,epochs,val/miou\na,a,0,,finished,3,4,0.8\n"
    )
    (tmp_path / "ranking.csv").write_text("cell,n,mean,low,high,expected,best_run\na,1,0.8,,,,a\n")
    return replace(plan, study_file="my.yaml"), store, tmp_path


def with_checkpoint(plan, name):
    """The plan, its program's checkpoint called otherwise."""
    segments = {id: replace(one, program={"checkpoint": name}) for id, one in plan.segments.items()}
    return replace(plan, segments=segments)


def test_the_checkpoint_is_copied_with_a_card(study, tmp_path):
    assert export_model(*study, tmp_path / "model") == []
    assert (tmp_path / "model" / "best.pt").read_bytes() == b"weights"
    card = (tmp_path / "model" / "README.md").read_text()
    assert "trained by the program `python train.py --out {out}`" in card
    assert "segsweep does not know how to load it" in card
    assert "| `a` | 3 of 4 | 0.8 |" in card
    assert "| `best.pt` | 7 |" in card


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, r"my\.yaml: .* Name it: `checkpoint: best\.pt`"), ("last.pt", r"last\.pt: there is no such")],
)
def test_a_checkpoint_that_is_not_there_is_said_and_nothing_is_removed(study, tmp_path, name, said):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "earlier").touch()
    plan, *rest = study
    with pytest.raises(InputError, match=said):
        export_model(with_checkpoint(plan, name), *rest, tmp_path / "model")
    assert (tmp_path / "model" / "earlier").exists()


def test_an_earlier_export_is_replaced_and_nothing_lies_beside_it(study, tmp_path):
    output = tmp_path / "exported" / "model"
    export_model(*study, output)
    (output / "stale.onnx").touch()
    export_model(*study, output)
    assert sorted(path.name for path in output.iterdir()) == ["README.md", "best.pt"]
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize("name", ["thesis.tex", "README.md"])
def test_a_folder_of_other_files_is_refused_and_stays_as_it_is(study, tmp_path, name):
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_text("---\nnothing of segsweep\n")
    with pytest.raises(InputError, match=r"home: the folder holds files .* new or empty"):
        export_model(*study, home)
    assert [path.name for path in home.iterdir()] == [name]


def test_a_file_is_no_folder_to_export_to(study, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: a file"):
        export_model(*study, tmp_path / "file")


@pytest.mark.parametrize("of", ["ensemble", "top 3"])
def test_of_a_program_one_run_is_exported(study, tmp_path, of):
    with pytest.raises(InputError, match="one run is exported"):
        export_model(*study, tmp_path / "model", of=of)


def test_results_made_elsewhere_have_no_model(study, tmp_path):
    plan, *rest = study
    with pytest.raises(InputError, match="read from a table"):
        export_model(replace(plan, study={"metric": "val/miou", "table": {"file": "x.csv"}}), *rest, tmp_path / "model")

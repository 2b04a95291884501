"""Which files of a folder are predicted, and what they are called."""

import os

import pytest

from segsweep.errors import InputError
from segsweep.inference.image_folder import files_below


def fill(folder, *places):
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).touch()


def test_files_are_called_by_their_path_and_where_two_would_be_alike_by_their_ending_too(tmp_path):
    fill(tmp_path, "a.png", "b.jpg", "b.tif", "c.png.tif", "c.png", "sub/a.png", ".hidden", ".git/x.png", "sub/.y.png")
    found = files_below(tmp_path, tmp_path / "out")
    assert list(found) == ["a", "b.jpg", "b.tif", "c", "c.png.tif", "sub/a"]
    assert found["sub/a"] == tmp_path / "sub" / "a.png"


def test_predictions_within_the_folder_are_not_predicted(tmp_path):
    fill(tmp_path, "a.png", "out/index/a.png", "output.png")
    assert list(files_below(tmp_path, tmp_path / "out")) == ["a", "output"]


def test_one_file_is_a_folder_of_one(tmp_path):
    fill(tmp_path, "a.png", "b.png")
    assert files_below(tmp_path / "a.png", tmp_path / "out") == {"a": tmp_path / "a.png"}


@pytest.mark.parametrize(
    ("images", "output", "said"),
    [
        ("nowhere", "out", "no such folder"),
        ("empty", "out", "no files"),
        ("empty", "empty", "a folder of their own"),
        ("empty", ".", "a folder of their own"),
    ],
)
def test_a_folder_without_images_or_of_the_predictions_is_refused(tmp_path, images, output, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=said):
        files_below(tmp_path / images, tmp_path / output)


def test_pipes_and_links_to_folders_are_no_images_and_a_link_to_nothing_is_kept(tmp_path):
    (tmp_path / "a.png").touch()
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    assert list(files_below(tmp_path, tmp_path / "out")) == ["a", "gone"]

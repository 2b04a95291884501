"""The reader of ICDAR's files, and the drawn words."""

import numpy as np
import pytest

from segsweep.data.readers.demo import Demo
from segsweep.data.readers.icdar import IcdarDataset, files, read, read_words
from segsweep.data.synthetic.text import draw, draw_words
from segsweep.errors import InputError
from segsweep.text.geometry import covered


def test_lines_of_icdar(tmp_path):
    file = tmp_path / "gt_a.txt"
    file.write_bytes(
        "\ufeff27,17,103,22,106,47,30,45,Größe, 5,00 €\r\n\r\n1,1,9,1,9,5,1,5,###\n0,0,4.5,0,4,4,0,4,\n".encode()
    )
    polygons, ignored = read_words(file)
    assert polygons[0] == [(27, 17), (103, 22), (106, 47), (30, 45)]
    assert polygons[2][1] == (4.5, 0)
    assert ignored == [False, True, False]


def test_all_bad_lines_are_named(tmp_path):
    file = tmp_path / "gt_a.txt"
    file.write_text(
        "1,1,9,1,9,5,1,5,good\n1,1,9,1,9,5,1,5\n1,1,9,x,9,5,1,5,bad\n1,1,9,1,9,1,1,1,flat\nnan,1,9,1,9,5,1,5,n\n"
    )
    with pytest.raises(InputError) as caught:
        read_words(file)
    found = caught.value.problems
    assert [line.split(": ")[0] for line in found] == [f"{file}:{n}" for n in (2, 3, 4, 5)]
    assert "8 fields" in found[0]
    assert "not all of the first 8 fields are numbers" in found[1]
    assert "no area" in found[2]
    assert "finite" in found[3]


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_words(tmp_path / "gt_b.txt")
    (tmp_path / "gt_c.txt").write_bytes(b"1,1,9,1,9,5,1,5,\xff\xfe\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_words(tmp_path / "gt_c.txt")


def test_reading_a_data_set(tmp_path):
    for folder in ("images", "gt"):
        (tmp_path / folder).mkdir()
    (tmp_path / "train.txt").write_text("a\nb\n")
    (tmp_path / "val.txt").write_text("c\n")
    (tmp_path / "images/a.png").touch()
    (tmp_path / "gt/gt_a.txt").write_text("1,1,9,1,9,5,1,5,word\n1,1,9,1,9,5,1,5,###\n")
    (tmp_path / "gt/gt_b.txt").write_text("nonsense\n")
    items = read(IcdarDataset(name="d", task="text"), tmp_path)
    assert {split: [item.name for item in found] for split, found in items.items()} == {
        "train": ["a", "b"],
        "val": ["c"],
    }
    first, second = items["train"]
    assert first.image == tmp_path / "images/a.png"
    assert first.ignored == [False, True]
    assert files(IcdarDataset(name="d", task="text"), tmp_path) == {
        "train": [
            ("a", [tmp_path / "images/a.png", tmp_path / "gt/gt_a.txt"]),
            (
                "b",
                [tmp_path / "images/b.jpg", tmp_path / "gt/gt_b.txt"],
            ),  # of an image that is missing the first suffix
        ],
        "val": [("c", [tmp_path / "images/c.jpg", tmp_path / "gt/gt_c.txt"])],
    }
    assert first.problems == []
    assert "gt_b.txt:1" in second.problems[0]
    assert second.location.endswith("train.txt:2")
    assert items["val"][0].labels_file == tmp_path / "gt/gt_c.txt"  # whether it has to be there depends on the others


def test_drawn_words_are_the_same_each_time():
    demo = Demo(kind="words")
    once, again = (draw_words(demo, "train", 3) for _ in range(2))
    np.testing.assert_array_equal(once.image, again.image)
    np.testing.assert_array_equal(once.polygons, again.polygons)
    assert once.words == again.words
    others = [
        draw_words(demo, "val", 3),
        draw_words(demo, "train", 4),
        draw_words(Demo(kind="words", seed=1), "train", 3),
    ]
    assert not any(np.array_equal(once.image, other.image) for other in others)


@pytest.mark.parametrize("size", [(96, 96), (64, 160)])
def test_drawn_words_lie_apart_and_inside(size):
    counts = []
    for index in range(30):
        drawn = draw_words(Demo(kind="words", size=size), "train", index)
        assert drawn.image.shape == (*size, 3)
        assert not drawn.ignored.all()
        counts.append(len(drawn.polygons))
        for i, polygon in enumerate(drawn.polygons):
            assert polygon.min() >= 0
            assert (polygon <= size[::-1]).all()
            assert not (covered([polygon], [p for j, p in enumerate(drawn.polygons) if j != i]) > 0).any()
    assert max(counts) > 1


def test_polygons_hold_the_ink():
    """Without noise nothing but the smooth background lies outside the quads."""
    quiet = Demo(kind="words", noise=0)
    drawn = draw_words(quiet, "val", 0)
    x, y = np.meshgrid(np.arange(96), np.arange(96))
    far = np.ones((96, 96), bool)
    for polygon in drawn.polygons:
        low, high = polygon.min(axis=0) - 2, polygon.max(axis=0) + 2
        far &= ~((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
    grey = drawn.image.astype(float).mean(axis=2)
    steps = np.abs(np.diff(grey, axis=1))
    assert steps[far[:, 1:] & far[:, :-1]].max() < 12  # only the smooth background
    assert steps.max() > 40  # letters have edges


def test_drawn_data_set():
    items = draw(Demo(kind="words", train=3, val=2))
    assert [item.name for item in items["val"]] == ["val_0000", "val_0001"]
    assert [len(items[split]) for split in ("train", "val")] == [3, 2]
    assert all(len(item.polygons) == len(item.ignored) and item.mask is None for item in items["train"])

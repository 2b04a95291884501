"""The reader of ICDAR's files, and the drawn words."""

import os

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


def words(folder, lines, form="quads"):
    file = folder / "gt_w.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    return read_words(file, form)


QUAD = "10,10,60,10,60,30,10,30"


def test_words_that_nobody_has_to_read_and_signs_at_which_no_line_ends(tmp_path):
    lines = [f"{QUAD},###", f"{QUAD},*", f"{QUAD},a\u2028b\x85c\x0bd", f'{QUAD},"###"', f"{QUAD},**", f"{QUAD},#######"]
    polygons, ignored = words(tmp_path, lines)
    assert len(polygons) == 6
    assert ignored == [True, True, False, True, False, True]


def test_polygons_of_any_number_of_corners(tmp_path):
    triangle, hexagon = "1,1,9,1,5,9", "0,4,2,0,6,0,8,4,6,8,2,8"
    lines = [
        f"{triangle},word",
        f"{hexagon},###",
        f"{triangle},2019",
        f'{triangle},"5,00 €"',
        f"{triangle},",
        f"{QUAD},a,b",
    ]
    polygons, ignored = words(tmp_path, lines, "polygons")
    assert [len(polygon) for polygon in polygons] == [3, 6, 3, 3, 3, 4]
    assert polygons[1] == [(0, 4), (2, 0), (6, 0), (8, 4), (6, 8), (2, 8)]
    assert ignored == [False, True, False, False, False, False]
    for line, found in ((f"{triangle},5,00 €", 7), (f"{triangle},5,00", 7), ("1,1,9,1,a", 4), (triangle, 5)):
        with pytest.raises(InputError, match=f"found {found} numbers before the transcription.*in double quotes"):
            words(tmp_path, [line], "polygons")


def test_the_script_of_mlt_is_no_part_of_the_transcription(tmp_path):
    polygons, ignored = words(tmp_path, [f"{QUAD},Latin,Coffee, 5", f"{QUAD},None,###"], "mlt")
    assert (len(polygons), ignored) == (2, [False, True])
    with pytest.raises(InputError, match=r"gt_w\.txt:1: found no script, but 'Coffee', .*Correct `format`"):
        words(tmp_path, [f"{QUAD},Coffee,to go"] * 3, "mlt")
    with pytest.raises(InputError, match=r"found 9 fields in .*script,transcription"):
        words(tmp_path, [f"{QUAD},Latin"], "mlt")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{QUAD},Latin,###", "found the script 'Latin' before the transcription in .* has format: mlt. Set it"),
        # The corners along the upper edge of a curved word come first.
        ("10,20,20,20,30,20,40,20,50,22,50,32,40,30,10,30,word", "found further corners behind the fourth"),
        (f"{QUAD},20,40,###", "found further corners behind the fourth in .* has format: polygons. Set it"),
    ],
)
def test_a_line_that_looks_like_another_format_is_refused_once(tmp_path, line, said):
    with pytest.raises(InputError, match=said) as caught:
        words(tmp_path, [line] * 5)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("text", ["5,00 €", "5,00", "500,900,000", '"20,40,###', "Latin", "1_0,2_0,a"])
def test_transcriptions_with_commas_and_numbers_are_transcriptions(tmp_path, text):
    assert words(tmp_path, [f"{QUAD},{text}"])[1] == [False]


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_words(tmp_path / "gt_b.txt")
    (tmp_path / "gt_c.txt").write_bytes(b"1,1,9,1,9,5,1,5,\xff\xfe\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_words(tmp_path / "gt_c.txt")
    os.mkfifo(tmp_path / "gt_d.txt")
    with pytest.raises(InputError, match="is not a file"):
        read_words(tmp_path / "gt_d.txt")


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

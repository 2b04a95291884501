"""The protocol of ICDAR 2015, votes of an ensemble, the submission file."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from segsweep import metrics
from segsweep.config.train import Postprocess
from segsweep.data.readers.icdar import read_words
from segsweep.inference.submission import write_text
from segsweep.inference.voting import vote_on_text
from segsweep.text.postprocess import Detections, detect
from segsweep.text.protocol import WordCounter, match
from segsweep.text.targets import targets

ICDAR = Path(__file__).resolve().parents[3] / "shared" / "data" / "icdar2015_text"


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


CARE = np.array([False])
WORD = box(0, 0, 100, 20)


@pytest.mark.parametrize(
    ("ground_truths", "ignored", "detections", "expected"),
    [
        ([WORD], CARE, [WORD], (1, 1, 1)),
        ([WORD], CARE, [], (0, 1, 0)),
        ([], CARE[:0], [WORD], (0, 0, 1)),
        # half of the word: IoU is 0.5, which is not above 0.5
        ([WORD], CARE, [box(0, 0, 50, 20)], (0, 1, 1)),
        ([WORD], CARE, [box(0, 0, 51, 20)], (1, 1, 1)),
        # one to one: the second detection of a word is wrong
        ([WORD], CARE, [WORD, WORD], (1, 1, 2)),
        # one detection of two words that are the same counts once
        ([WORD, WORD], np.array([False, False]), [WORD], (1, 2, 1)),
        # a detection in an ignored word is not counted, but one that is half in it is
        ([box(0, 0, 40, 20)], np.array([True]), [box(10, 0, 30, 20)], (0, 0, 0)),
        ([box(0, 0, 40, 20)], np.array([True]), [box(20, 0, 60, 20)], (0, 0, 1)),
        # an ignored word next to a readable one does not take its detection
        ([WORD, box(0, 0, 45, 20)], np.array([False, True]), [WORD], (1, 1, 1)),
        # but a detection that lies mostly in an ignored word cannot match a readable one
        ([WORD, box(0, 0, 90, 20)], np.array([False, True]), [WORD], (0, 1, 0)),
    ],
)
def test_protocol_by_hand(ground_truths, ignored, detections, expected):
    assert tuple(match(ground_truths, ignored, detections).counts) == expected


def test_rotated_words_match_by_their_true_overlap():
    diamond = np.array([[20, 0], [40, 20], [20, 40], [0, 20]], np.float32)
    assert match([diamond], CARE, [box(0, 0, 40, 40)]).counts.matched == 0  # exactly half
    assert match([diamond], CARE, [box(6, 6, 34, 34)]).counts.matched == 1


def counted(*images) -> WordCounter:
    """Counts of images (name, words, ignored, detections)."""
    counter = WordCounter()
    for name, words, ignored, detections in images:
        batch = {"name": [name], "polygons": [words], "ignored": [ignored]}
        counter.add([Detections(detections, np.ones(len(detections)))], batch)
    return counter


def scores_of(counter: WordCounter) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.score(counter.totals(), "text", ["text"]).items()}


def test_scores_come_from_summed_counts():
    counter = counted(
        ("a", [WORD, WORD + 200, WORD + 400], np.zeros(3, bool), [WORD]),
        ("b", [WORD], CARE, [WORD, WORD + 200]),
        ("c", [], CARE[:0], []),
    )
    assert counter.totals()["words"].tolist() == [2, 4, 3]
    assert scores_of(counter) == pytest.approx({"precision": 2 / 3, "recall": 2 / 4, "hmean": 4 / 7})
    rows = metrics.image_rows(counter.images(), "text", ["text"])
    assert [row["image"] for row in rows] == ["a", "b", "c"]
    assert [row["hmean"] for row in rows] == pytest.approx([0.5, 2 / 3, 1.0])


def test_an_image_without_words_is_right_if_nothing_is_found():
    rows = metrics.image_rows(counted(("a", [], CARE[:0], []), ("b", [], CARE[:0], [WORD])).images(), "text", ["text"])
    assert [(row["precision"], row["recall"], row["hmean"]) for row in rows] == [(1, 1, 1), (0, 1, 0)]


def test_nothing_to_find_in_a_split_scores_nothing():
    assert scores_of(counted())["hmean"] == 0
    assert scores_of(counted(("a", [WORD], CARE, []))) == {"precision": 0, "recall": 0, "hmean": 0}


def found(*boxes_and_scores) -> Detections:
    return Detections([b for b, _ in boxes_and_scores], np.array([s for _, s in boxes_and_scores], np.float32))


def test_votes_by_hand():
    shifted = np.roll(WORD + (4, 0), 2, axis=0)  # the same corners, from another start
    members = [
        found((WORD, 0.9), (WORD + 300, 0.8)),
        found((shifted, 0.3)),
        found((WORD, 0.6), (WORD + (2, 0), 0.5)),
    ]
    merged = vote_on_text(members, min_votes=2)
    assert len(merged.polygons) == 1  # one member alone saw the word at 300, one saw the first word twice
    # corners weighted 0.9, 0.6, 0.3 at 0, 0 and 4 pixels: 4 * 0.3 / 1.8
    np.testing.assert_allclose(merged.polygons[0], WORD + (4 * 0.3 / 1.8, 0), atol=1e-4)
    np.testing.assert_allclose(merged.scores, [0.6], rtol=1e-6)
    assert len(vote_on_text(members, min_votes=1).polygons) == 2
    assert len(vote_on_text(members, min_votes=3).polygons) == 1
    assert vote_on_text([found(), found()], min_votes=1).polygons == []


def test_votes_need_possible_numbers():
    with pytest.raises(ValueError, match=r"1\.\.2 .* got 3"):
        vote_on_text([found(), found()], min_votes=3)


def test_polygons_are_represented_by_the_best():
    octagon = np.concatenate([WORD, WORD[::-1]])[[0, 1, 2, 3, 0]]
    merged = vote_on_text([found((octagon, 0.4)), found((WORD, 0.7))], min_votes=2)
    np.testing.assert_array_equal(merged.polygons[0], WORD)


def test_submission(tmp_path):
    anticlockwise = WORD[::-1] + 0.4
    one, other = found((anticlockwise, 1.0), (WORD - (3, 0), 1.0)), found()
    shapes = {"img_1": ((100, 100), (100, 200)), "img_2": ((100, 100), (100, 100))}  # twice as wide as prepared
    write_text(tmp_path / "a.zip", {"img_2": other, "img_1": one}, shapes)
    write_text(tmp_path / "b.zip", {"img_1": one, "img_2": other}, shapes)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["res_img_1.txt", "res_img_2.txt"]
        lines = archive.read("res_img_1.txt").decode().split("\r\n")
        assert lines == ["1,0,201,0,201,20,1,20", "0,0,194,0,194,20,0,20", ""]
        assert archive.read("res_img_2.txt") == b""


@pytest.mark.skipif(not ICDAR.is_dir(), reason=f"{ICDAR} is not there")
def test_perfect_maps_of_real_words_score_nearly_perfectly():
    """Reader, targets, post-processing and protocol together: what a faultless network would reach."""
    images = []
    for name in (ICDAR / "val.txt").read_text().split():
        words, ignored = read_words(ICDAR / "gt" / f"gt_{name}.txt")
        shrink = targets(words, ignored, 720, 1280, min_side=0).shrink
        images.append((name, words, ignored, detect(shrink, Postprocess()).polygons))
    counter = counted(*images)
    matched, ground_truths, detections = counter.totals()["words"].tolist()
    assert (ground_truths, detections) == (395 - 235, matched)
    assert scores_of(counter)["recall"] > 0.95  # the smallest words shrink to less than three pixels

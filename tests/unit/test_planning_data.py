"""What of a data set's files enters an address: by small folders."""

import errno
import hashlib
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.data_address import DataAddresses
from segsweep.planning.data_fingerprint import (
    data_fingerprint,
    dvc_md5,
    md5,
    of_listing,
    pull_missing,
    read_seen,
    weights_fingerprint,
)  # fmt: skip
from segsweep.planning.remembered import Remembered

CODE = Code()
ORIENTATION = 0x0112  # tag of EXIF
SECTION = {"image_size": None, "patches": None}
DATASET = {
    "name": "files", "reader": "folder", "task": "multiclass", "classes": {0: "sky", 7: "road"}, "void": [255],
    "images": "images/{name}.png",
}  # fmt: skip


class Files:
    """A data set of three images in a folder, and what is addressed of it."""

    def __init__(self, folder):
        self.root = folder / "files"
        self.memory = folder / "memory.json"
        self.seen: dict[str, dict[str, str]] = {}
        for name in "abc":
            self.write(f"images/{name}.png", f"image {name}")
            self.write(f"masks/{name}.png", f"mask {name}")
        self.write("train.txt", "a\nb\n")
        self.write("val.txt", "c\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def addresses(self, dataset=None, root=None):
        remembered = Remembered(self.memory, drop_unasked=True)
        addresses = DataAddresses(
            parse_dataset(DATASET | (dataset or {})), root or self.root, self.root.parent, CODE, remembered, self.seen
        )
        addresses.address_of(SECTION)
        remembered.save()
        return addresses

    def address(self, in_folds=False, **options):
        """What a training depends on."""
        return self.addresses(**options).address_of(SECTION, in_folds)

    def folder(self, **options):
        """Where images are prepared."""
        return self.addresses(**options).folder_of(SECTION)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("images/.DS_Store", "x"), ("notes.txt", "x"), ("images/d.png", "in no list"), ("masks/d.png", "in no list"),
        ("train.txt", "a\nb\n\n\n"), ("train.txt", "# All of them.\na\n\n# The second.\n./b\n"), ("other.txt", "a\n"),
    ],
)  # fmt: skip
def test_what_no_split_uses_changes_nothing(files, path, text):
    before = files.address(), files.folder()
    files.write(path, text)
    assert (files.address(), files.folder()) == before


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("images/a.png", "Image a"), ("masks/c.png", "mask C"), ("images/b.png", "image a"),
        ("train.txt", "b\na\n"), ("train.txt", "a\n"), ("val.txt", "c\nb\n"),
    ],
)  # fmt: skip
def test_contents_and_order_count(files, path, text):
    before = files.address()
    files.write(path, text)
    assert files.address() != before


def test_names_of_images_count(files):
    before = files.address()
    for kind in ("images", "masks"):
        (files.root / kind / "a.png").rename(files.root / kind / "z.png")
    files.write("train.txt", "z\nb\n")
    assert files.address() != before


@pytest.mark.parametrize(
    "changed",
    [
        {"classes": {0: "Sky", 7: "street"}}, {"title": "Another"}, {"licence": "CC0"}, {"source": "elsewhere"},
        {"name": "renamed"},
    ],
)  # fmt: skip
def test_names_and_titles_change_nothing(files, changed):
    assert files.address(dataset=changed) == files.address()


@pytest.mark.parametrize(
    "changed",
    [
        {"classes": {7: "road", 0: "sky"}}, {"classes": {0: "sky", 8: "road"}}, {"void": []}, {"void": [255, 3]},
        {"task": "binary", "foreground": "road"},
    ],
)  # fmt: skip
def test_indices_of_classes_count(files, changed):
    assert files.address(dataset=changed) != files.address()


def test_which_class_is_the_foreground_counts_by_its_value(files):
    def address(foreground, classes):
        return files.address(dataset={"task": "binary", "foreground": foreground, "classes": classes})

    before = address("road", {0: "sky", 7: "road"})
    assert address("street", {0: "sky", 7: "street"}) == before
    assert address("sky", {0: "sky", 7: "road"}) != before


def test_names_of_classes_count_where_they_select_labels(files):
    voc = {key: value for key, value in DATASET.items() if key != "images"} | {"reader": "voc", "task": "multitask"}
    for name in "abc":
        files.write(f"JPEGImages/{name}.jpg", name)
        files.write(f"SegmentationClass/{name}.png", name)

    def address(**changed):
        dataset = parse_dataset(voc | changed)
        return DataAddresses(dataset, files.root, files.root.parent, CODE, Remembered(None)).address_of(SECTION)

    renamed = {0: "sky", 7: "street"}
    assert address(classes=renamed) != address()
    assert address(classes=renamed, task="multiclass") == address(task="multiclass")


def test_a_further_split_changes_what_is_prepared_but_no_training(files):
    before = files.address(), files.folder()
    files.write("test.txt", "d\n")
    further = {"splits": {"train": "train.txt", "val": "val.txt", "test": "test.txt"}}
    assert files.address(dataset=further) == before[0]
    assert files.folder(dataset=further) != before[1]


def test_path_and_times_change_nothing(files, tmp_path):
    before = files.address()
    moved = tmp_path / "elsewhere"
    files.root.rename(moved)
    os.utime(moved / "images" / "a.png", (1, 1))
    assert files.address(root=moved) == before


def test_another_content_of_the_same_size_and_time_is_noticed(files):
    image = files.root / "images" / "a.png"
    before = files.address()
    state = image.stat()
    image.write_text("IMAGE A")
    os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (image.stat().st_size, image.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert files.address() != before


def test_a_file_is_read_once(files):
    before = files.address()
    known = json.loads(files.memory.read_text())
    assert len(known["files"]) == 6
    known["files"][str(files.root / "images" / "a.png")][1] = ["as remembered", 1]
    files.memory.write_text(json.dumps(known))
    assert files.address() != before  # what was remembered was taken
    files.memory.write_text("{broken")
    assert files.address() == before


def test_images_of_which_the_first_reading_lost_something_have_other_addresses(tmp_path):
    listed = {}
    for name, orientation in (("upright", 1), ("turned", 3)):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        path = tmp_path / f"{name}.jpg"
        Image.new("RGB", (4, 4)).save(path, exif=exif)
        listed[name] = [(name, [path, path])]
    found = of_listing(listed, Remembered(None))
    for name, lines in (("upright", []), ("turned", ["revision 2"])):
        content = md5(tmp_path / f"{name}.jpg")
        line = json.dumps([name, content, content, *lines]).encode() + b"\n"
        assert found[name] == hashlib.sha256(line).hexdigest()[:32]


def test_the_memory_of_a_data_set_forgets_what_is_gone(files):
    files.address()
    files.write("train.txt", "a\n")
    files.address()
    assert {os.path.basename(path) for path in json.loads(files.memory.read_text())["files"]} == {"a.png", "c.png"}


def test_a_missing_file_is_left_to_preparation(files):
    before = files.address()
    (files.root / "masks" / "a.png").unlink()
    assert files.address() != before


@pytest.mark.parametrize("reading", ["md5", "reading_revision"])
def test_a_file_that_the_disk_does_not_give_is_no_missing_one(files, monkeypatch, reading):
    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(f"segsweep.planning.data_fingerprint.{reading}", fail)
    with pytest.raises(InputError, match=r"\w+\.png: Input/output error\. Have the disk checked"):
        files.address()


def test_a_missing_folder_is_named_with_what_to_do(files, tmp_path):
    with pytest.raises(InputError, match=r"data set files: the folder .*nowhere does not exist\. Put the data there"):
        files.address(root=tmp_path / "nowhere")


def test_what_is_planned_is_described_for_preparation(files):
    addresses = files.addresses()
    description = addresses.descriptions[addresses.folder_of(SECTION)]
    assert (description["root"], description["data"]) == (str(files.root), SECTION)
    assert description["dataset"]["classes"] == {"0": "sky", "7": "road"}
    assert description["fingerprint"].startswith(addresses.folder_of(SECTION).rpartition("-")[2])


def test_the_size_of_images_counts(files):
    addresses = files.addresses()
    small = SECTION | {"image_size": [8, 8]}
    assert addresses.address_of(small) != addresses.address_of(SECTION)
    assert addresses.address_of(small | {"augmentation": "basic"}) == addresses.address_of(small)


def dvc(folder, *arguments):
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tracked(files, tmp_path):
    """The folder as DVC tracks it."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    dvc(tmp_path, "add", "--quiet", "files")
    return files


def test_a_tracked_folder(tracked, tmp_path):
    dataset = parse_dataset(DATASET)
    text = (tmp_path / "files.dvc").read_text()
    assert dvc_md5(tracked.root, md5) in text
    before = tracked.address()
    (seen,) = tracked.seen.values()

    # Absent: as it was seen.
    aside = tmp_path / "aside"
    tracked.root.rename(aside)
    assert tracked.address() == before
    for changed in ({"group": "(.)"}, {"display": {"channels": [0]}}, {"allow_duplicates": True}, {"title": "Files"}):
        assert tracked.address(dataset=changed) == before  # the same files are read
    # Absent and never seen: said, or brought.
    with pytest.raises(InputError, match=r"was never seen.*run `dvc pull .*files\.dvc`"):
        data_fingerprint(dataset, tracked.root, Remembered(None), {})
    pull_missing(dataset, tracked.root, tracked.seen)
    assert not tracked.root.exists()
    pull_missing(dataset, tracked.root, {})
    assert data_fingerprint(dataset, tracked.root, Remembered(None), {}) == seen

    # Changed without `dvc add`: its own content counts, and what the .dvc file names stays what it was.
    (tracked.root / "images" / "a.png").unlink()
    tracked.write("images/a.png", "changed")
    assert tracked.address() != before
    assert list(tracked.seen.values()) == [seen]


def test_what_cannot_be_pulled_is_said(tracked, tmp_path):
    tracked.root.rename(tmp_path / "aside")
    for path in (tmp_path / ".dvc" / "cache").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(InputError, match=r"`dvc pull .*` failed\. Correct what it says"):
        pull_missing(parse_dataset(DATASET), tracked.root, {})


def test_what_was_seen_is_read_from_a_file_that_may_be_broken(tmp_path):
    file = tmp_path / "tracked_data.json"
    assert read_seen(file) == {}
    for text in ("{broken", "[]", "[1]"):
        file.write_text(text)
        assert read_seen(file) == {}
    file.write_text('{"md5": {"train": "t", "val": "v"}}')
    assert read_seen(file) == {"md5": {"train": "t", "val": "v"}}


def test_a_file_of_weights_is_its_content(tmp_path):
    file = tmp_path / "a.pt"
    file.write_bytes(b"weights")
    assert weights_fingerprint(str(file), Remembered(None)) == md5(file) == "63f4f1e9b725370f459720575cd5f953"
    assert weights_fingerprint("imagenet", Remembered(None)) == weights_fingerprint(None, Remembered(None)) == ""
    with pytest.raises(InputError, match="there is no file"):
        weights_fingerprint(str(tmp_path / "b.pt"), Remembered(None))


def drawn(**shares):
    return {"splits": {"random": shares}}


def test_drawn_splits_are_addressed_by_all_images_and_by_how_they_are_drawn(files):
    before = files.address(dataset=drawn())
    assert files.address(dataset=drawn(val=0.2, seed=0, stratify=True)) == before  # as by default
    changed = [drawn(val=0.3), drawn(test=0.1), drawn(seed=1), drawn(stratify=False), drawn(group="(.)")]
    others = [files.address(dataset=one) for one in changed]
    assert len({before, files.address(), *others}) == 7
    files.write("masks/c.png", "another mask")
    assert files.address(dataset=drawn()) != before
    files.write("masks/c.png", "mask c")
    assert files.address(dataset=drawn()) == before
    files.write("images/d.png", "a new image")
    assert files.address(dataset=drawn()) != before


def test_groups_of_a_table_count_for_folds_and_its_other_columns_do_not(files):
    of_table = {"splits": {"table": "t.csv", "group": "patient"}}
    tables = [
        "name,split,patient\na,train,p\nb,train,q\nc,val,r\n",
        "age;name;split;patient\n7;a;train;p\n8;b;train;q\n9;c;val;r\n",
        "name,split,patient\na,train,p\nb,train,p\nc,val,r\n",
    ]
    found = []
    for table in tables:
        files.write("t.csv", table)
        found.append([files.address(dataset=of_table), files.address(True, dataset=of_table)])
    (alone, in_folds), of_other_columns, (_, in_other_folds) = found
    assert of_other_columns == [alone, in_folds]
    assert {one[0] for one in found} == {files.address()}  # the same splits
    assert len({in_folds, in_other_folds, files.address(True)}) == 3
    files.write("t.csv", tables[0] + "d,test,p\n")
    assert files.address(True, dataset=of_table) == in_folds  # no training sees it


def test_a_group_counts_for_folds_and_in_what_is_prepared(files):
    grouped = {"group": "(.)"}
    assert files.address(True) == files.address() == files.address(dataset=grouped)
    assert files.address(True, dataset=grouped) != files.address()
    assert files.folder(dataset=grouped) != files.folder()
    assert files.address(dataset=drawn() | grouped) != files.address(dataset=drawn())  # it changes the splits


def test_what_only_allows_or_shows_changes_nothing(files):
    before = files.address(), files.folder()
    for changed in ({"allow_duplicates": True}, {"display": {"channels": [2, 1, 0]}}):
        assert (files.address(dataset=changed), files.folder(dataset=changed)) == before

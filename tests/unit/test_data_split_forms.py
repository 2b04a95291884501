"""The forms of `splits`: lists, folders, a table, drawn; and what is wrong with each of them."""

import os
import re

import pytest
from jsonschema import Draft202012Validator
from write_schemas import schema

from segsweep import registry
from segsweep.config.dataset import parse_dataset
from segsweep.data.groups import assign_groups
from segsweep.data.name_lists import split_names
from segsweep.data.readers import files, read
from segsweep.errors import InputError

FOLDER = {"name": "d", "reader": "folder", "classes": {0: "a", 1: "b"}, "images": "{split}/{name}.png"}
FLAT = FOLDER | {"images": "{name}.png", "masks": "{name}_mask.png"}


def names(values, root):
    return {split: [item.name for item in items] for split, items in read(parse_dataset(values), root).items()}


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_folders(tmp_path):
    touch(tmp_path, "train/b.png", "train/a.png", "train/._a.png", "train/a.txt", "train/deep/x.png", "valid/a.png")
    folder = FOLDER | {"masks": "masks/{split}/{name}.png"}
    with pytest.raises(InputError, match=r"val/\{name\}.png: there is no such file"):
        names(folder | {"splits": {"folders": ["train", "val"]}}, tmp_path)
    values = folder | {"splits": {"folders": {"train": "train", "val": "valid"}}}
    assert names(values, tmp_path) == {"train": ["a", "b", "deep/x"], "val": ["a"]}
    dataset = parse_dataset(values)
    assert files(dataset, tmp_path)["val"] == [
        ("a", [tmp_path / "valid/a.png", tmp_path / "masks/valid/a.png"]),
    ]
    assert split_names(dataset, tmp_path) == ["train", "val"]


def test_a_folder_for_each_name_and_masks_beside_their_images(tmp_path):
    touch(tmp_path, "train/p[1]/p[1].png", "train/p2/p2.png", "train/p3/other.png", "val/q/q.png")
    values = FOLDER | {"images": "{split}/{name}/{name}.png", "splits": {"folders": ["train", "val"]}}
    assert names(values, tmp_path) == {"train": ["p2", "p[1]"], "val": ["q"]}
    touch(tmp_path, "flat/a.png", "flat/a_mask.png", "flat/b.png", "flat/b_mask.png")
    assert names(FLAT | {"splits": {"random": {"val": 0.5}}}, tmp_path / "flat") == {"all": ["a", "b"]}


TABLE = "file;patient;subset\n a.png ;p1;training\n\nb.v2.png;p2;dev\nc.png;p3;unused\nd.png;p1;training\n"
SPLITS = {
    "table": "split.csv", "name": "file", "split": "subset", "group": "patient", "stems": True,
    "values": {"training": "train", "dev": "val", "unused": None},
}  # fmt: skip


def test_a_column_of_a_table(tmp_path):
    (tmp_path / "split.csv").write_text(TABLE, encoding="utf-8-sig")
    dataset = parse_dataset(FLAT | {"splits": SPLITS})
    found = read(dataset, tmp_path)
    assert {split: [item.name for item in items] for split, items in found.items()} == {
        "train": ["a", "d"], "val": ["b.v2"],
    }  # fmt: skip
    assert found["val"][0].location == f"{tmp_path}/split.csv:4"
    assert split_names(dataset, tmp_path) == ["train", "val"]
    (tmp_path / "split.csv").write_text("name,split\na,train\nb,val\n")
    assert names(FLAT | {"splits": {"table": "split.csv"}}, tmp_path) == {"train": ["a"], "val": ["b"]}


def test_all_that_is_wrong_in_a_table(tmp_path):
    (tmp_path / "split.csv").write_text("name,split\na,train\nb,\nc,holdout\nd,val\n")
    with pytest.raises(InputError) as caught:
        names(FLAT | {"splits": {"table": "split.csv"}}, tmp_path)
    empty, unknown = caught.value.problems
    assert empty.startswith(f"{tmp_path}/split.csv:3: split is empty")
    assert "split.csv:4: split is 'holdout', which stands for no split; known: train, val, test" in unknown
    assert "values: {holdout: train" in unknown
    with pytest.raises(InputError, match=r"split.csv:1: no column 'file'; there are: name, split"):
        names(FLAT | {"splits": {"table": "split.csv", "name": "file"}}, tmp_path)
    (tmp_path / "split.csv").write_bytes(b"name,split\n\xff,train\n")
    with pytest.raises(InputError, match=r"split.csv: is not UTF-8 \(byte 11\)"):
        names(FLAT | {"splits": {"table": "split.csv"}}, tmp_path)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"folders": ["training", "val"]}, r"a list names the splits, train and val among them.*\{train: training, va"),
        ({"folders": {"train": "a", "val/1": "b"}}, "the split 'val/1' cannot be named so"),
        ({"train": "a", "val": "b", "all": "c"}, "the split 'all' cannot be named so"),
        ({"random": {"val": 0.6, "test": 0.4}}, "val 0.6 and test 0.4 leave no image for training"),
        ({"random": {"val": 0}}, r"splits.random.val is 0: input should be greater than 0"),
        ({"random": {"vall": 0.1}}, r"unknown key 'splits.random.vall'. Did you mean 'val'\?"),
        ({"random": {}}, r"the splits are drawn, so no folder has their names: \{split\}/\{name\}.png"),
        ({"table": 3}, "splits.table is 3: input should be a valid string"),
        ({"train": ["a"]}, r"splits.train is \['a'\]: input should be a valid string"),
        ("train.txt", "splits: found 'train.txt'; write a list of names for each split"),
        (["train", "val"], r"found \['train', 'val'\]; .*or \{folders: \[train, val\]\}"),
        ({"random": {"group": "{nam}"}}, r"found '\{nam\}', which is no pattern of \{name\} \(KeyError"),
        ({"random": {"group": "{name:d}"}}, r"found '\{name:d\}', which is no pattern"),
        ({"random": {"group": "{name!z}"}}, r"found '\{name!z\}', which is no pattern"),
        ({"random": {"group": r"{name:.4}_(\d{2})"}}, "which is no pattern of {name}"),
        ({"table": "a.csv", "values": {True: "train"}}, "write it in quotes, as it stands in the table"),
        ({"random": {"group": "{name"}}, r"found '\{name', which is no pattern"),
        ({"random": {"group": "{name:.0}"}}, "which puts all images into one group"),
        ({"random": {"group": "{name}"}}, "which puts each image into a group of its own"),
        ({"random": {"group": "(.+_"}}, "which is no regular expression"),
        ({"random": {"group": "scan_.{2}"}}, "in one pair of parentheses is the group, and it has 0"),
    ],
)
def test_what_splits_cannot_say(splits, message):
    with pytest.raises(InputError, match=message):
        parse_dataset(FOLDER | {"splits": splits}, lambda keys: "line")


@pytest.mark.parametrize(
    ("splits", "valid"),
    [
        ({"train": "a.txt", "val": "b.txt"}, True), ({"folders": ["train", "val"]}, True), ({"random": {}}, True),
        ({"table": "t.csv"}, True), ({"table": "t.csv", "name": "file", "split": "subset"}, True),
        ({"train": 3}, False), ({"folders": 3}, False), ({"random": {"vall": 0.1}}, False), ({"table": 3}, False),
    ],
)  # fmt: skip
def test_editors_know_the_forms(splits, valid):
    found = Draft202012Validator(schema(registry.union("dataset"))).is_valid(FOLDER | {"classes": {}, "splits": splits})
    assert found is valid


def test_readers_say_which_forms_they_take(tmp_path):
    for reader, form in (("voc", {"folders": ["train", "val"]}), ("icdar", {"folders": ["train", "val"]})):
        values = {"name": "d", "reader": reader, "classes": "voc", "splits": form}
        if reader == "icdar":
            values |= {"task": "text", "classes": None}
        with pytest.raises(InputError, match="does not take the form folders; it takes: lists, table, random"):
            parse_dataset(values)
    with pytest.raises(InputError, match=re.escape("splits names folders, but '{name}.png' has no {split}")):
        parse_dataset(FLAT | {"splits": {"folders": ["train", "val"]}})


ROWS = "name,split\na,train\nb,val\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("name,split,split\na,val,train\n", [r"csv:1: more than one column 'split'; there are: name, split, split"]),
        ("\n\n" + ROWS, ["csv:1: the table is empty"]),
        ("", ["the table of splits: empty. Add it"]),
        ('"a\nb",x\n' + ROWS, [r"csv:1: no column 'name'"]),
        (ROWS + '"c\nd",val\n', [r"csv:5: 'c\\nd' holds a control character"]),
        (ROWS + '"c,val\n', [r"csv:4: no CSV \(unexpected end of data\). Close the quotation marks"]),
        (ROWS + "c\x01,val\n", [r"csv:4: 'c\\x01' holds a control character"]),
        (ROWS + "c,Train\nd,Train\n,val\ne,dev\n", [
            "csv:6: name is empty. Fill it in",
            r"csv:4: split is 'Train', which stands for no split \(and in 1 more row\); known: train",
            "csv:7: split is 'dev', which stands for no split; known: train",
        ]),
    ],
)  # fmt: skip
def test_tables_that_are_no_tables(tmp_path, text, messages):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        names(FLAT | {"splits": {"table": "split.csv"}}, tmp_path)
    assert len(caught.value.problems) == len(messages)
    for problem, message in zip(caught.value.problems, messages, strict=True):
        assert re.search(message, problem)


def test_a_table_that_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "split.csv")  # whoever opens it waits
    with pytest.raises(InputError, match=r"split.csv: the table of splits: a FIFO, not a file"):
        names(FLAT | {"splits": {"table": "split.csv"}}, tmp_path)


def test_names_of_a_table_are_those_of_lists(tmp_path):
    (tmp_path / "split.csv").write_text('name,split,of\n"a,1",0,p\n./b//c.v1/d.png,1,q\n')
    splits = {"table": "split.csv", "values": {0: "train", 1: "val"}, "group": "of", "stems": True}
    dataset = parse_dataset(FLAT | {"splits": splits})
    items = read(dataset, tmp_path)
    assert {split: [item.name for item in some] for split, some in items.items()} == {
        "train": ["a,1"], "val": ["b/c.v1/d"],
    }  # fmt: skip
    assign_groups(dataset, tmp_path, items)
    assert items["val"][0].group == "q"


def test_all_images_of_the_readers(tmp_path):
    drawn = {"splits": {"random": {}}}
    touch(tmp_path, "SegmentationClass/b.png", "SegmentationClass/a.png")
    touch(tmp_path, "images/2.JPEG", "images/1.png", "images/x.txt", "images/._1.png")
    assert names({"name": "d", "reader": "voc", "classes": "voc"} | drawn, tmp_path) == {"all": ["a", "b"]}
    assert names({"name": "d", "reader": "icdar", "task": "text"} | drawn, tmp_path) == {"all": ["1", "2"]}


def test_images_in_folders_of_folders_have_names_like_those_in_lists(tmp_path):
    touch(tmp_path, "images/a.png", "images/p/1/b.png", "images/.old/c.png", "images/p/._b.png", "masks/p/d.png")
    drawn = {"images": "images/{name}.png", "masks": "masks/{name}.png", "splits": {"random": {}}}
    assert names(FOLDER | drawn, tmp_path) == {"all": ["a", "p/1/b"]}
    touch(tmp_path, "images/p/e\nf.png")  # which decoding refuses
    assert names(FOLDER | drawn, tmp_path) == {"all": ["a", "p/1/b", "p/e\nf"]}


def test_files_of_another_case_are_not_left_out_unseen(tmp_path):
    touch(tmp_path, "train/a.png", "train/b.PNG", "train/C.Png", "val/d.png", "train/deep.PNG/x.png")
    with pytest.raises(InputError, match=r"train/C.Png: fits '\{split\}/\{name\}.png' but for upper .* 1 more"):
        names(FOLDER | {"splits": {"folders": ["train", "val"]}}, tmp_path)


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ({"reader": "icdar", "task": "text"}, "no image is there that the reader icdar finds"),
        ({"reader": "voc", "classes": "voc"}, "SegmentationClass/.name..png: there is no such file"),
    ],
)
def test_nothing_to_draw_from(tmp_path, reader, message):
    with pytest.raises(InputError, match=message):
        names({"name": "d", "splits": {"random": {}}} | reader, tmp_path)

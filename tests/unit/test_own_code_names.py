"""Names of own code, and dotted keys that hold them."""

from pathlib import Path

import pytest

from segsweep.config.dotted_keys import keys_of, lookup, outer_and_last
from segsweep.own_code.names import (
    OwnName,
    alike_without_folders,
    own_name,
    own_score,
    relocated,
    without_folder,
    written_for,
)


@pytest.mark.parametrize(
    "text", ["unet", "my/net.py", "my net.py:build", "my/net.py:", "my/net.py:1st", "a:b", 3, None]
)
def test_what_is_no_name(text):
    assert own_name(text) is None
    assert without_folder(text) == text


def test_a_name_is_file_and_function():
    name = own_name("my/net.v2.py:TinyUnet")
    assert name == OwnName("my/net.v2.py", "TinyUnet")
    assert str(name) == "my/net.v2.py:TinyUnet"
    assert name.short == without_folder("my/net.v2.py:TinyUnet") == "net.v2.py:TinyUnet"
    assert name.column == "net_v2:TinyUnet"


@pytest.mark.parametrize(
    ("dotted", "keys"),
    [
        ("optimizer.lr", ["optimizer", "lr"]),
        ("seed", ["seed"]),
        ("loss.main.my/loss.py:build.weight", ["loss", "main", "my/loss.py:build", "weight"]),
        ("loss.main.loss.py:build", ["loss", "main", "loss.py:build"]),
        ("loss.main.../shared/loss.py:build", ["loss", "main", "../shared/loss.py:build"]),
        ("loss.main../my.v2/loss.v2.py:f.gamma", ["loss", "main", "./my.v2/loss.v2.py:f", "gamma"]),
        ("loss.main./home/ann.b/loss.py:f", ["loss", "main", "/home/ann.b/loss.py:f"]),
        ("my/loss.py:build", ["my/loss.py:build"]),
    ],
)
def test_dotted_keys_are_split_around_names_of_own_code(dotted, keys):
    assert keys_of(dotted) == keys
    assert outer_and_last(dotted) == (".".join(keys[:-1]), keys[-1])
    nested = 7
    for key in reversed(keys):
        nested = {key: nested}
    assert lookup(nested, dotted) == 7


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my/net.py:build", "config/studies/my/net.py:build"),
        ("../../my/net.py:build", "my/net.py:build"),
        ("../../my.v2/net.py:build", "./my.v2/net.py:build"),
        ("../../_my/net.py:build", "./_my/net.py:build"),
        ("../../net.v2.py:build", "./net.v2.py:build"),
        ("/home/ann/net.py:build", "/home/ann/net.py:build"),
        ("See my/net.py:build for more", "See my/net.py:build for more"),
        ("my/net.py", "my/net.py"),
    ],
)
def test_values_are_relative_to_their_file(text, found):
    assert relocated(text, Path("config/studies")) == found
    assert relocated(text, Path("config/studies").absolute()) == found


def test_keys_are_relative_to_their_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("studies")
    assert relocated("my/loss.py:f", folder, is_key=True) == "studies/my/loss.py:f"
    assert relocated("loss.main.my/loss.py:f.gamma", folder, is_key=True) == "loss.main.studies/my/loss.py:f.gamma"
    assert relocated("loss.main.my/loss.py:f", folder, is_key=True) == "loss.main.studies/my/loss.py:f"
    (folder / "my.v2").mkdir(parents=True)
    (folder / "my.v2" / "loss.py").touch()
    assert relocated("my.v2/loss.py:f", folder, is_key=True) == "studies/my.v2/loss.py:f"


def test_scores_are_columns_and_functions():
    folder = Path("config/studies")
    found = OwnName("config/studies/my/score.py", "gdice")
    assert own_score("val/my/score.py:gdice", folder) == ("val/gdice", found)
    assert own_score("val/my/score.py:gdice/car", folder) == ("val/gdice/car", found)
    assert own_score("val/gdice", folder) is None
    assert own_score("my/score.py:gdice", folder) is None


def test_names_that_tables_could_not_tell_apart():
    assert alike_without_folders(["loss.main.a/loss.py:f.gamma", "b/loss.py:f", "a/net.py:f"]) == [
        "a/loss.py:f",
        "b/loss.py:f",
    ]
    assert alike_without_folders(["a/loss.py:f", "loss.main.a/loss.py:f", "a/loss.py:g", "See a/loss.py:f"]) == []


def test_settings_are_written_for_a_file():
    settings = {"arch": "config/studies/my/net.py:f", "loss.main.my/loss.py:f.gamma": [1, "my/loss.py:f"], "lr": 1e-3}
    assert written_for(settings, Path("config/studies")) == {
        "arch": "my/net.py:f",
        "loss.main.../../my/loss.py:f.gamma": [1, "../../my/loss.py:f"],
        "lr": 1e-3,
    }

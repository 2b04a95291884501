"""Two studies never write into one folder of results."""

import json
import re

import pytest

from segsweep.config.study_names import check_study_name, result_names
from segsweep.errors import InputError


@pytest.fixture
def folders(tmp_path):
    """A configuration with the study `k` and the data set `camvid`, and an empty folder of results."""
    for name in ("studies", "datasets"):
        (tmp_path / "config" / name).mkdir(parents=True)
    (tmp_path / "config" / "studies" / "k.yaml").write_text("# The first.\nname: k\ntrain: {}\n")
    (tmp_path / "config" / "datasets" / "camvid.yaml").write_text("name: camvid\n")
    return {"config": tmp_path / "config", "results": tmp_path / "results"}


def study(folders, name, file="config/studies/mine.yaml"):
    path = folders["config"].parent / file
    path.write_text(f"name: {name}\n")
    return path


def test_names_of_results():
    assert result_names("K", ["camvid"]) == {"k", "k_smoke", "k_on_camvid", "k_on_camvid_smoke"}


@pytest.mark.parametrize("name", ["k", "K", "k_smoke", "k_on_camvid", "k_on_camvid_smoke"])
def test_a_name_that_another_study_writes_to_is_refused_with_both_files(folders, name):
    path = study(folders, name)
    other = folders["config"] / "studies" / "k.yaml"
    with pytest.raises(InputError, match=f"{re.escape(str(path))}.*{re.escape(str(other))}.*Rename one of them"):
        check_study_name(name, path, **folders)


def test_a_study_whose_smoke_test_is_another_study_is_refused(folders):
    study(folders, "mine_smoke", "config/studies/other.yaml")
    with pytest.raises(InputError, match=r"mine_smoke.*other\.yaml"):
        check_study_name("mine", study(folders, "mine"), **folders)


@pytest.mark.parametrize("name", ["segments", "data", "logs", "Markers"])
def test_folders_of_all_studies_are_no_names(folders, name):
    with pytest.raises(InputError, match=f"'{name}' is a folder of"):
        check_study_name(name, study(folders, name), **folders)


def test_results_of_another_file_of_the_same_name_are_not_overwritten(folders):
    first, second = study(folders, "far", "first.yaml"), study(folders, "far", "second.yaml")
    (folders["results"] / "far").mkdir(parents=True)
    (folders["results"] / "far" / "plan.json").write_text(json.dumps({"name": "far", "study_file": str(first)}))
    check_study_name("far", first, **folders)
    with pytest.raises(InputError, match=r"second\.yaml.*first\.yaml"):
        check_study_name("far", second, **folders)
    first.unlink()  # moved
    check_study_name("far", second, **folders)


def test_other_names_pass(folders):
    for name in ("kk", "k_on_voc", "smoke", "k_2"):
        check_study_name(name, study(folders, name), **folders)

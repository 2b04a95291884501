"""The key `keep` of a study."""

import json

import pytest

from segsweep.config.load import Request, load
from segsweep.errors import InputError


def loaded(folder, smoke_test=False, **keys):
    (folder / "studies").mkdir(exist_ok=True)
    study = {"name": "little", "dataset": "demo", "grid": {"batch_size": [8]}, "train": {"loss": {"main": {"dice": 1}}}}
    (folder / "studies" / "little.yaml").write_text(json.dumps({k: v for k, v in (study | keys).items() if v}))
    return load(Request(study="little", smoke=smoke_test), folder).study


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "demo.yaml").write_text("{name: demo, reader: folder, classes: {0: a, 1: b}}")
    return tmp_path


@pytest.mark.parametrize(
    ("keep", "best", "lets_go"),
    [
        ({}, None, False),
        ({"weights": "best 3"}, 3, True),
        ({"state": "none"}, None, True),
        ({"state": "all"}, None, False),
    ],
)
def test_what_is_kept(folder, keep, best, lets_go):
    found = loaded(folder, keep=keep).keep
    assert (found.best, found.lets_go) == (best, lets_go)


@pytest.mark.parametrize(
    ("keep", "of_smoke", "state"),
    [
        ({}, {}, "none"),
        ({"weights": "best 3"}, {}, "none"),
        ({"state": "extendable"}, {}, "extendable"),
        ({"state": "none"}, {"state": "all"}, "all"),
    ],
)
def test_a_smoke_test_keeps_no_state_unless_it_is_named(folder, keep, of_smoke, state):
    smoke = {"epochs": 1} | ({"keep": of_smoke} if of_smoke else {})
    found = loaded(folder, smoke_test=True, keep=keep, smoke=smoke).keep
    assert (found.state, found.weights) == (state, keep.get("weights", "all"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"keep": {"weights": "best 0"}}, "keep.weights is 'best 0'.* of `all` runs, or `best 10`"),
        ({"keep": {"state": "some"}}, "keep.state"),
        ({"keep": ["*.pt"]}, "keep.files: only of a study with `command`"),
        ({"keep": {"weights": "best 3"}, "report": {"images": {"of": "top 4"}}}, "Write `best 4`, or ask for fewer"),
        ({"keep": {"weights": "best 3"}, "report": {"images": {"of": "all"}}}, "Write `best 12`, or ask for fewer"),
        ({"keep": {"weights": "best 3"}, "test": {"of": "top 4"}}, "test.of: top 4"),
    ],
)
def test_what_is_refused(folder, keys, said):
    with pytest.raises(InputError, match=said):
        loaded(folder, **keys)

"""Parameters as Hydra's overrides, as Hydra reads them."""

import pytest

from segsweep.programs.hydra_overrides import hydra_overrides


def test_nested_parameters_are_dotted_words():
    parameters = {
        "optimizer": {"lr": 1e-3, "name": "adam"},
        "batch_size": 8,
        "flip": False,
        "resume": None,
        "empty": {},
    }
    assert hydra_overrides(parameters) == [
        "optimizer.lr=0.001", "optimizer.name=adam", "batch_size=8", "flip=false", "resume=null", "empty={}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        1e-5, 3, True, None, "adam", "a b", "it's", "a,b", "x=1", "1e3", "true", "null", "", "a\\", "a\\'b", "c\\d",
        "/data/x-1.pt", "${oc.env:HOME}x"[2:], "50%", "(x)", [1, 2.5, "a b"], [["x"], []], [{"a": 1, "b": "d,e"}],
    ],
)  # fmt: skip
def test_hydra_reads_the_value_that_is_meant(value):
    parser = pytest.importorskip("hydra.core.override_parser.overrides_parser").OverridesParser.create()
    (override,) = parser.parse_overrides(hydra_overrides({"x": value}))
    assert override.value() == value
    assert type(override.value()) is type(value)

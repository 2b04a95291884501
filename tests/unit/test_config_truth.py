"""true and false where a number belongs."""

import pytest
from pydantic import ValidationError

from segsweep.config.study import ListedRun, Study
from segsweep.config.train import Train


@pytest.mark.parametrize("seeds", [[True], [0, False], {"at_most": True}])
def test_seeds_are_numbers(seeds):
    with pytest.raises(ValidationError, match="is no number"):
        Study.model_validate({"name": "s", "grid": {"optimizer.lr": [0.1]}, "train": {}, "seeds": seeds})


@pytest.mark.parametrize(("section", "content"), [(Train, {"workers": True}), (ListedRun, {"id": True})])
def test_so_are_values_that_may_be_a_number_or_a_word(section, content):
    with pytest.raises(ValidationError, match="is no number"):
        section.model_validate(content)

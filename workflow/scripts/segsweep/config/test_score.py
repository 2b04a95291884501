"""The score on the test split: of which models, and what they are trained on for it."""

from typing import Literal

from segsweep.config.settings import Settings, key


class ScoreOnTest(Settings):
    """The chosen models are scored on the test split, once the choice is made; see docs/test_score.md."""

    of: str = key(
        "best",
        "Which models: `best`, the best run of the best setting; `top 3`, the best runs of the first three settings, "
        "each by itself; `ensemble`, the members of the study's ensemble together.",
        pattern=r"^(best|top [1-9]\d*|ensemble)$",
    )
    retrain: Literal["none", "train+val"] = key(
        "none",
        "Score the models as they are, or new ones, trained on the training and validation splits together for as many "
        "epochs as validation chose.",
    )

    @property
    def settings(self) -> int:
        """Of how many settings, by their rank."""
        return int(self.of.removeprefix("top ")) if self.of.startswith("top ") else 1

"""What is asked for with `make predict`: the key `predict` of config/config.yaml or `--config`."""

from typing import Literal

from segsweep.config.settings import Settings, key
from segsweep.hashing import short_hash


class Prediction(Settings):
    """Images that are part of no data set, and how they are predicted."""

    images: str = key(..., "Folder of images, or one image.", min_length=1)
    output: str = key(..., "Folder for the predictions: a new one, or one of earlier predictions.", min_length=1)
    formats: list[str] = key([], "Names of formats of files; those that suit the task if not set.")
    window: int | None = key(
        None,
        "Side of the windows through which images are looked at in their own resolution, a multiple of 32. If not set, "
        "images are prepared as those of the training were.",
        unit="pixels",
        ge=32,
        multiple_of=32,
    )
    overlap: float = key(0.5, "Share of a window that the next one covers again.", ge=0, lt=1)
    flips: Literal["none", "horizontal", "all"] = key("none", "What mirrored images say is merged with the rest.")
    smooth: bool = key(False, "Probabilities are interpolated where an image is larger than what the network sees.")

    @property
    def digest(self) -> str:
        """Stands for the folder of the predictions."""
        return short_hash(self.output)

    @property
    def arguments(self) -> list[str]:
        """Of predict_images.py, without those of a study."""
        said = ["--images", self.images, "--output", self.output, "--formats", *self.formats]
        said += ["--overlap", str(self.overlap), "--flips", self.flips]
        return said + (["--window", str(self.window)] if self.window else []) + ["--smooth"] * self.smooth

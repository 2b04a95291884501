"""The key `display` of a data set: how its images are shown to people."""

from typing import Annotated

from pydantic import Field, field_validator

from segsweep.config.settings import Settings, key

Percentile = Annotated[float, Field(ge=0, le=100)]


class Display(Settings):
    """How images are shown in reports. Nothing that is trained depends on it."""

    channels: list[Annotated[int, Field(ge=0)]] | None = key(
        None,
        "Channels that are shown as red, green and blue, counted from 0, or one that is shown in gray. If not set: the "
        "first three, or the first where there are fewer.",
    )
    stretch: tuple[Percentile, Percentile] | None = key(
        None,
        "Percentiles of a channel in the training images that become black and white. If not set: 2 and 98, and 8-bit "
        "images are shown as they are.",
    )

    @field_validator("channels")
    @classmethod
    def _one_or_three(cls, channels: list[int] | None) -> list[int] | None:
        if channels is not None and len(channels) not in (1, 3):
            raise ValueError(f"found {channels}; red, green and blue are three channels, gray is one. Correct it")
        return channels

    @field_validator("stretch")
    @classmethod
    def _rises(cls, stretch: tuple[float, float] | None) -> tuple[float, float] | None:
        if stretch is not None and stretch[0] >= stretch[1]:
            raise ValueError(f"found {list(stretch)}; the first becomes black, the second white. Write [2, 98]")
        return stretch

    def unknown_channel(self, dataset: str, channels: int) -> str | None:
        """What is wrong where a channel is named that images of so many channels do not have."""
        if max(self.channels or [0]) < channels:
            return None
        there = "only channel 0" if channels == 1 else f"channels 0 to {channels - 1}"
        return (
            f"data set {dataset}: display.channels is {self.channels}, but its images have {there}. Correct it, or "
            "leave it out."
        )

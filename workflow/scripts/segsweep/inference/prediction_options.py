"""How an image that nobody prepared is looked at: whole or in windows, once or mirrored too."""

from dataclasses import dataclass

from segsweep import registry
from segsweep.data.loading import MULTIPLE
from segsweep.errors import InputError

Flip = tuple[bool, bool]  # upside down, left and right exchanged

FLIPS: dict[str, tuple[Flip, ...]] = {
    "none": ((False, False),),
    "horizontal": ((False, False), (False, True)),
    "all": ((False, False), (False, True), (True, False), (True, True)),
}


@dataclass(frozen=True)
class PredictionOptions:
    """The defaults look at an image as validation does.

    Attributes:
        window: side in pixels, a multiple of 32, of the windows through which an image is looked at in its own
            resolution, in place of how the study prepares images. None does so by itself only where the study trains on
            images as they are and an image is much larger than all of these.
        overlap: share of a window that the next one covers again, from 0 to below 1.
        flips: `none`; `horizontal`: mirrored too; `all`: also upside down. What is found is merged: probabilities are
            averaged, boxes fused, and text stays where most agree.
        smooth: whether probabilities are interpolated where the image is larger than what the network saw, and decide
            there; else each pixel becomes several, of the same class.
    """

    window: int | None = None
    overlap: float = 0.5
    flips: str = "none"
    smooth: bool = False

    def check(self, task: str) -> None:
        """Refuse what cannot be done.

        Raises:
            InputError: a value outside its range, or one that does not go with the task; all of them at once.
        """
        problems = []
        if self.window is not None and (self.window < MULTIPLE or self.window % MULTIPLE):
            problems.append(f"window: {self.window}; it is a multiple of {MULTIPLE} pixels, such as 512")
        if not 0 <= self.overlap < 1:
            problems.append(f"overlap: {self.overlap}; it is a share from 0 to below 1, such as 0.5")
        if self.flips not in FLIPS:
            problems.append(f"flips: {self.flips!r}; choose one of {', '.join(FLIPS)}")
        if self.window is not None and not takes_windows(task):
            problems.append(
                f"window: objects that a window cuts would become several boxes; images of the task {task} are looked "
                "at as a whole. Leave it out, or cut the images where no object is cut"
            )
        if self.smooth and task == "text":
            problems.append("smooth: text has no masks; leave it out")
        if problems:
            raise InputError(*problems)


def takes_windows(task: str) -> bool:
    """Whether what is found in overlapping windows can become one prediction: of masks and maps, not of boxes."""
    return registry.classes("task")[task].stitched or task == "text"

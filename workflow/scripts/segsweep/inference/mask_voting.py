"""Members of an ensemble decide on each pixel."""

import numpy as np


def mean(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class of the highest mean probability.

    Args:
        probabilities: float (M, C, H, W) of M members, 0..1; one channel is that of a binary task's foreground.

    Returns:
        uint8 (H, W) of classes, and the mean, float32 (C, H, W).
    """
    average = np.mean(probabilities, axis=0, dtype=np.float32)
    return _decided(average), average


def vote(masks: np.ndarray, probabilities: np.ndarray, min_votes: int) -> tuple[np.ndarray, np.ndarray]:
    """The class that most members say; of a binary task the foreground where at least `min_votes` say so.

    Of several classes the mean probability decides where none has `min_votes` votes, or two have equally many.

    Args:
        masks: uint8 (M, H, W), each member's classes.
        probabilities: float (M, C, H, W), as for `mean`.
        min_votes: 1 to M.

    Returns:
        As `mean`.

    Raises:
        ValueError: `min_votes` is not within 1..M.
    """
    members, classes = probabilities.shape[:2]
    if not 1 <= min_votes <= members:
        raise ValueError(f"min_votes must be within 1..{members} (the number of members), got {min_votes}")
    average = np.mean(probabilities, axis=0, dtype=np.float32)
    if classes == 1:
        return ((masks == 1).sum(axis=0) >= min_votes).astype(np.uint8), average
    votes = np.stack([(masks == index).sum(axis=0) for index in range(classes)])  # (C, H, W)
    most = votes.max(axis=0)
    clear = (most >= min_votes) & ((votes == most).sum(axis=0) == 1)
    return np.where(clear, votes.argmax(axis=0), _decided(average)).astype(np.uint8), average


def _decided(probability: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of float (C, H, W), as a single model decides: one channel is foreground above one half."""
    return (probability[0] > 0.5 if len(probability) == 1 else probability.argmax(axis=0)).astype(np.uint8)

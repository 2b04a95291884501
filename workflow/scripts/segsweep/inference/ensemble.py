"""What several models predict of a batch, made one prediction, for every task."""

from typing import Any

import numpy as np
import torch

from segsweep.config.dataset_keys import BY_LABEL
from segsweep.inference.voting import fuse_boxes, mean_labels, mean_masks, vote_on_labels, vote_on_masks, vote_on_text


class Ensemble:
    """Models of one task that decide together."""

    def __init__(self, task: Any, kind: str, members: int, method: str, min_votes: int | None = None):
        """
        Args:
            task: of any member (see `segsweep.tasks.Task`); all have the same post-processing.
            kind: binary, multiclass, multilabel, multitask or text.
            members: how many they are.
            method: `vote`: pixels by majority, boxes and polygons where enough members overlap. `mean`: the mean of
                the probability maps; boxes, which have none, are fused whoever saw them.
            min_votes: more than half if None; at most `members`.
        """
        self.task, self.kind, self.method = task, kind, method
        self.votes = min(min_votes or members // 2 + 1, members)
        merging = (mean_labels, vote_on_labels) if kind in BY_LABEL else (mean_masks, vote_on_masks)
        self._mean, self._vote = merging

    def decide(self, outputs: list[Any], batch: dict) -> list[Any]:
        """Predictions of a batch in the form of `Task.predict`. `outputs`: of each member."""
        if self.kind == "text" and self.method == "mean":
            maps = torch.stack([one["probability"].float() for one in outputs])
            return self.task.predict({"probability": maps.mean(dim=0)}, batch)
        found = [self.task.predict(one, batch) for one in outputs]
        return [self.merge([one[i] for one in found]) for i in range(len(batch["name"]))]

    def merge(self, members: list[Any]) -> Any:
        """One prediction of what each member predicts of an image, all in the form of `Task.predict`."""
        if self.kind == "text":
            return vote_on_text(members, self.votes)
        probabilities = np.stack([one["probability"] for one in members])
        if self.method == "mean":
            mask, probability = self._mean(probabilities)
        else:
            mask, probability = self._vote(np.stack([one["mask"] for one in members]), probabilities, self.votes)
        merged = {"mask": mask, "probability": probability}
        if self.kind == "multitask":
            merged |= fuse_boxes(members, self.votes if self.method == "vote" else 1)
        return merged

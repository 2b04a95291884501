"""What several models say of a batch, made one prediction, for every task; and how such predictions are counted."""

from typing import Any

import numpy as np
import torch

from segsweep.inference import box_fusion, mask_voting
from segsweep.text.voting import vote as vote_on_text


class Jury:
    """Models of one task that decide together."""

    def __init__(self, task: Any, kind: str, members: int, method: str, min_votes: int | None = None):
        """
        Args:
            task: of any member (see `segsweep.tasks.Task`); all have the same post-processing.
            kind: binary, multiclass, multitask or text.
            members: how many they are.
            method: `vote`: pixels by majority, boxes and polygons where enough members overlap. `mean`: the mean of
                the probability maps; boxes, which have none, are fused whoever saw them.
            min_votes: more than half if None; at most `members`.
        """
        self.task, self.kind, self.method = task, kind, method
        self.votes = min(min_votes or members // 2 + 1, members)

    def decide(self, outputs: list[Any], batch: dict) -> list[Any]:
        """Predictions of a batch in the form of `Task.predict`. `outputs`: of each member."""
        if self.kind == "text" and self.method == "mean":
            maps = torch.stack([one["probability"].float() for one in outputs])
            return self.task.predict({"probability": maps.mean(dim=0)}, batch)
        found = [self.task.predict(one, batch) for one in outputs]
        return [self._merged([one[i] for one in found]) for i in range(len(batch["name"]))]

    def _merged(self, members: list[Any]) -> Any:
        if self.kind == "text":
            return vote_on_text(members, self.votes)
        probabilities = np.stack([one["probability"] for one in members])
        if self.method == "mean":
            mask, probability = mask_voting.mean(probabilities)
        else:
            mask, probability = mask_voting.vote(np.stack([one["mask"] for one in members]), probabilities, self.votes)
        merged = {"mask": mask, "probability": probability}
        if self.kind == "multitask":
            merged |= box_fusion.fuse(members, self.votes if self.method == "vote" else 1)
        return merged


def count(scores: Any, kind: str, predictions: list[Any], batch: dict) -> None:
    """Count predictions of a batch in an accumulator of the task (`Task.scores`), which otherwise takes outputs."""
    if kind == "text":
        for name, truths, aside, one in zip(
            batch["name"], batch["polygons"], batch["ignored"], predictions, strict=True
        ):
            scores.add(name, truths, aside, one.polygons)
        return
    pixels = scores.masks if kind == "multitask" else scores
    predicted = torch.as_tensor(np.stack([one["mask"] for one in predictions])).long().to(batch["mask"].device)
    pixels.confusion.update(predicted, batch["mask"], list(batch.get("page") or batch["name"]))
    if kind == "multitask":
        _count_boxes(scores, predictions, batch)


def _count_boxes(scores: Any, predictions: list[dict[str, np.ndarray]], batch: dict) -> None:
    from segsweep.metrics.detection import picture_scores  # torchmetrics takes seconds to import
    from segsweep.tasks.multitask import ignored

    found = [{name: torch.as_tensor(one[name]) for name in ("boxes", "scores", "labels")} for one in predictions]
    aside = ignored(batch)
    scores.boxes.update(found, batch["boxes"], batch["labels"], aside)
    for i, name in enumerate(batch["name"]):
        scores.pictures[name] = picture_scores(found[i], batch["boxes"][i], batch["labels"][i], aside[i])

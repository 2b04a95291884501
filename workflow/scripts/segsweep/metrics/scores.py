"""Scores of masks from counts of pixels by true and predicted class.

All take int64 counts (..., C, C), true class before predicted class, and give float64; so the same lines score a split
(counts summed over its pictures) and each picture (N, C, C).

What 0 / 0 is: a class that occurs neither in truth nor in prediction has no score (nan), and is left out of means over
classes. One that occurs in either has all scores: precision is 0 if it was never predicted, recall is 0 if it never is
the truth. A picture without foreground in which none was predicted thus has no foreground scores of its own; the
split's scores come from summed counts, to which it adds only its pixels rightly called background.
"""

import torch


def ratio(part: torch.Tensor, whole: torch.Tensor, occurs: torch.Tensor) -> torch.Tensor:
    """part / whole; 0 where whole is 0, nan where the class does not occur. float64, any one shape."""
    return torch.where(occurs, part / torch.where(whole > 0, whole, 1.0), torch.nan)


def class_scores(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """jaccard, dice, precision and recall of each class, float64 (..., C), nan where a class does not occur."""
    counts = counts.double()
    right = counts.diagonal(dim1=-2, dim2=-1)
    true, predicted = counts.sum(-1), counts.sum(-2)
    union = true + predicted - right
    occurs = union > 0
    return {
        "jaccard": ratio(right, union, occurs),
        "dice": ratio(2 * right, true + predicted, occurs),
        "precision": ratio(right, predicted, occurs),
        "recall": ratio(right, true, occurs),
    }


def accuracy(counts: torch.Tensor) -> torch.Tensor:
    """Share of the pixels that are right, float64 (...); nan without pixels."""
    counts = counts.double()
    pixels = counts.sum((-2, -1))
    return ratio(counts.diagonal(dim1=-2, dim2=-1).sum(-1), pixels, pixels > 0)


def binary_scores(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Scores of the foreground, class 1 of (..., 2, 2), each float64 (...).

    jaccard, dice, precision, recall of the foreground; accuracy: share of right pixels; miou: mean of the Jaccard
    indices of foreground and background, as far as they occur.
    """
    scores = class_scores(counts)
    foreground = {name: values[..., 1] for name, values in scores.items()}
    return foreground | {"accuracy": accuracy(counts), "miou": scores["jaccard"].nanmean(-1)}


def multiclass_scores(counts: torch.Tensor, classes: list[str] | None = None) -> dict[str, torch.Tensor]:
    """Scores over all classes of (..., C, C), each float64 (...).

    miou, dice: means over the classes that occur in truth or prediction; pixel_accuracy: share of right pixels;
    mean_accuracy: mean of the recalls of the classes that occur in the truth; with `classes`, iou/<class> of each.
    """
    scores = class_scores(counts)
    in_truth = counts.sum(-1) > 0
    means = {
        "miou": scores["jaccard"].nanmean(-1),
        "dice": scores["dice"].nanmean(-1),
        "pixel_accuracy": accuracy(counts),
        "mean_accuracy": torch.where(in_truth, scores["recall"], torch.nan).nanmean(-1),
    }
    return means | {f"iou/{name}": scores["jaccard"][..., i] for i, name in enumerate(classes or [])}

"""The tables of what was trained: cells, runs, epochs, images and missing runs. Made by `collect` or `import_table`."""

from collections.abc import Iterable
from typing import Any

from segsweep.analysis.measures import MEASURES, MODEL_COSTS
from segsweep.formatting import value_in_words
from segsweep.tables import Column, Table


class Cells(Table):
    """A cell, in the order of the plan."""

    file = "cells.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column(
            "role",
            "text",
            "What it is there for: `grid`, `run`, `trial`, `reference`, `confirm`, `ensemble` or `retrain`.",
        ),
        Column("round", "text", "The round of the study that added it.", empty="the study has no rounds"),
        Column("note", "text", "The study's note on it.", empty="it has none"),
        Column("<axes>", "text", "Its level of the hyperparameter.", empty="the hyperparameter does not apply to it"),
        Column(
            "<model_costs>",
            "number",
            "Costs of its model that the study names: `cost/gflops_per_image`, "
            "`cost/seconds_per_image`; see docs/objectives.md.",
            empty="not measured",
        ),
    )


class Runs(Table):
    """A run that is trained to its end."""

    file = "runs.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Key of its cell."),
        Column("run", "text", "Its name."),
        Column("seed", "integer", "Its seed.", empty="a table made elsewhere does not say"),
        Column("fold", "integer", "Its fold, from 0.", empty="there is no cross-validation"),
        Column("round", "text", "The round of the study that added its cell.", empty="the study has no rounds"),
        Column("role", "text", "What its cell is there for."),
        Column(
            "status", "text",
            "How it ended: `finished`, `early_stopped`, `pruned`, `diverged`, `oom` or `failed`; see statuses.csv.",
        ),
        Column("best_epoch", "integer", "The first epoch with the best value of the study's metric.",
               empty="no epoch has a finite value"),
        Column("epochs", "integer", "Epochs that it was trained; where a study varies `epochs`, its level.",
               empty="a table made elsewhere does not say"),
        Column("<axes>", "text", "Its level of the hyperparameter.", empty="the hyperparameter does not apply to it"),
        Column("<val/*>", "number", "The score at the best epoch, the study's metric first.",
               empty="the run has no such score, or it is not finite"),
        *MEASURES,
        Column("<model_costs>", "number", "Costs of its model that the study names: `cost/gflops_per_image`, "
               "`cost/seconds_per_image`.", empty="not measured"),
        Column("segments", "text", "Ids of its segments, separated by blanks.", empty="it was trained elsewhere"),
        Column("same_as", "text", "An earlier run of its cell, with another seed or fold, that has the same curve in "
               "all columns; statistics count both once.", empty="there is none"),
        Column("detail", "text", "Why it ended as it did, in the words of the training.",
               empty="it was trained to its end, or no reason is known"),
    )  # fmt: skip


class Models(Table):
    """A model of a study that names costs of models, and how it was measured; see docs/objectives.md."""

    file = "models.csv"
    rules = ("collect_results",)
    columns = (
        Column("model", "text", "Its address."),
        Column("cells", "integer", "Cells with this model."),
        *MODEL_COSTS,
        Column("device", "text", "What it was measured on."),
        Column("precision", "text", "Arithmetic of the forward pass."),
        Column("images", "integer", "Images of a batch."),
        Column("height", "integer", "Of an image as the network sees it.", unit="pixels"),
        Column("width", "integer", "Of an image as the network sees it.", unit="pixels"),
        Column("batches", "integer", "Batches of which the median was taken."),
        Column("spread", "number", "Range of the middle half of their times, by the median: above 0.2, something else "
               "ran beside."),
        Column("threads", "integer", "Threads of computations on a CPU."),
        Column("counted_on", "text", "What operations were counted on: `meta`, which computes nothing; `cpu` where the "
               "network asks for values."),
    )  # fmt: skip


class Epochs(Table):
    """An epoch of a run."""

    file = "epochs.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("run", "text", "Name of the run."),
        Column("cell", "text", "Key of its cell."),
        Column("epoch", "integer", "Counted from 1."),
        Column("lr", "number", "Learning rate of the last step of the epoch, before `lr_factor`."),
        Column("<train/*>", "number", "Training loss and its parts, mean over the epoch; `train/skipped_steps`: "
               "optimizer steps left out as the gradient overflowed in float16.", empty="the run has none"),
        Column("<val/*>", "number", "Validation loss and its parts, and all scores of the whole split.",
               empty="the run has no such score, or it is not finite"),
        Column("seconds", "number", "Time of the epoch, validation and the writing of checkpoints included.", unit="s"),
        Column("images_per_second", "number", "Training images in a second of training, without validation and the "
               "writing of checkpoints."),
        Column("peak_memory_mb", "number", "Most memory in use up to the epoch.", unit="MB"),
    )  # fmt: skip


class Images(Table):
    """A validation image at a run's best epoch."""

    file = "images.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("run", "text", "Name of the run."),
        Column("cell", "text", "Key of its cell."),
        Column("image", "text", "Name of the image."),
        Column("<scores>", "number", "The score of this image alone; named without `val/`.",
               empty="the image has no such score: nothing of the class is in its ground truth or prediction"),
    )  # fmt: skip


class Missing(Table):
    """A planned run that is not trained to its end, or a row that was left out of a table made elsewhere."""

    file = "missing.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Key of its cell.", empty="a row of a table made elsewhere that has no setting"),
        Column("run", "text", "Its name."),
        Column("seed", "integer", "Its seed.", empty="a table made elsewhere does not say"),
        Column("fold", "integer", "Its fold, from 0.", empty="there is no cross-validation"),
        Column("role", "text", "What its cell is there for."),
        Column("have", "integer", "Segments that are complete."),
        Column("want", "integer", "Segments that it consists of."),
        Column("detail", "text", "What is missing, in words."),
        Column("left_out", "text", "The limit of the study's `budget` that left it out: `gpu_hours`, `runs`, `until`.",
               empty="it is no budget's"),
    )  # fmt: skip


def level_texts(settings: dict[str, Any], axes: Iterable[str]) -> dict[str, str]:
    """The texts of a cell's levels; empty where an axis does not apply to the cell."""
    return {axis: value_in_words(settings[axis]) if axis in settings else "" for axis in axes}

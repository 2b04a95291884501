"""What is measured of a run beside its scores: stability, convergence, overfitting and cost, columns of runs.csv.

Costs of models are measured where a study names them.
"""

from segsweep.tables import Column

OF_CURVES = (
    Column(
        "stability/val_loss_std", "number",
        "Sample standard deviation of val/loss over the later half of the epochs (the last ceil(n / 2)): spikes and a "
        "slope that is still there both count.",
        empty="fewer than two of these losses are finite",
        label="standard deviation of the validation loss", minimize=True,
    ),
    Column(
        "convergence/epochs_to_best", "integer", "The best epoch.", empty="no epoch has a finite score",
        label="epochs to the best epoch", minimize=True,
    ),
    Column(
        "overfit/gap", "number", "val/loss - train/loss at the best epoch.", empty="no epoch has a finite score",
        label="gap between validation and training loss", minimize=True,
    ),
)  # fmt: skip
COSTS = (
    Column(
        "cost/train_seconds", "number", "Time of all its epochs, validation and the writing of checkpoints included.",
        empty="not measured", label="training time", minimize=True, unit="s",
    ),
    Column(
        "cost/seconds_per_epoch", "number", "Mean time of an epoch, of all that `cost/train_seconds` counts.",
        empty="no epoch was finished", label="time per epoch", minimize=True, unit="s",
    ),
    Column(
        "cost/peak_memory_mb", "number", "Most memory in use: of the GPU, else of the process.", empty="not measured",
        label="peak memory", minimize=True, unit="MB",
    ),
    Column(
        "cost/parameters", "integer", "Trainable parameters of the model.", empty="not measured",
        label="parameters", minimize=True,
    ),
    Column(
        "cost/checkpoint_mb", "number", "Size of the best checkpoint.", empty="not measured",
        label="checkpoint size", minimize=True, unit="MB",
    ),
)  # fmt: skip
MODEL_COSTS = (
    Column(
        "cost/gflops_per_image", "number",
        "Floating-point operations of the model for one image of the size that it is evaluated at, forward, in "
        "thousand millions; see docs/objectives.md.",
        label="computation per image", minimize=True, unit="GFLOPs",
    ),
    Column(
        "cost/seconds_per_image", "number", "Median time of the model for a batch in evaluation, by the batch's size; "
        "see docs/objectives.md.",
        label="time per image", minimize=True, unit="s",
    ),
)  # fmt: skip
MEASURES = (*OF_CURVES, *COSTS)  # of each run; those of models where the study names them
NAMES = tuple(column.name for column in MEASURES)
GROUPS = tuple(dict.fromkeys(name.partition("/")[0] + "/" for name in NAMES))


def is_measure(name: str) -> bool:
    """Whether a column is one of these, or one of a table made elsewhere whose name says that it is of their kind."""
    return name.startswith(GROUPS)


def is_measured(name: str) -> bool:
    """Whether a column of runs.csv holds something measured: a validation score, or one of these."""
    return name.startswith(("val/", *GROUPS))

"""What parameters and options are for, by the names that training programs usually give them."""

import re
from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What segsweep itself fills in, as a placeholder of this name."""

    EPOCHS = "epochs"
    SEED = "seed"
    FOLD = "fold"
    OUT = "out"
    DEVICE = "device"


NAMES = {
    Role.EPOCHS: (
        "epochs epoch n_epochs num_epochs nb_epochs max_epochs total_epochs train_epochs num_train_epochs nepochs "
        "training_epochs n_epoch num_epoch max_epoch"
    ),
    Role.SEED: "seed random_seed random_state manual_seed rng_seed",
    Role.FOLD: "fold fold_idx fold_index fold_id",
    Role.OUT: (
        "out out_dir outdir output output_dir output_folder output_path save_dir save_path save_folder savedir logdir "
        "log_dir log_path work_dir workdir run_dir result_dir results_dir exp_dir checkpoint_dir ckpt_dir "
        "default_root_dir"
    ),
    Role.DEVICE: "device",
}
ROLES = {name: role for role, names in NAMES.items() for name in names.split()}
VALIDATION = re.compile(
    r"^(val|valid|validation|eval|dev)[/_.\- ]|[/_.\- ](val|valid|validation|eval|dev)$", re.IGNORECASE
)
TRAINING = re.compile(r"^(train|training)[/_.\- ]|[/_.\- ](train|training)$", re.IGNORECASE)
NOT_IN_A_METRIC = re.compile(r"[^A-Za-z0-9_-]+")
LOWER_IS_BETTER = re.compile(r"(loss|error|mse|rmse|mae|nll|perplexity|ppl|fid)", re.IGNORECASE)


def role_of(name: str) -> Role | None:
    """What a parameter `trainer.max_epochs`, or an option `--max-epochs`, is for."""
    return ROLES.get(option_name(name).rpartition(".")[2].lower())


def option_name(name: str) -> str:
    """A parameter or option without what differs between its spellings: `max_epochs` of `--max-epochs`."""
    return name.lstrip("-+").replace("-", "_")


def nearest_to_root(names: Iterable[str], role: Role) -> str | None:
    """Of dotted names the one with this role that lies in the fewest sections; the first of several."""
    return min((name for name in names if role_of(name) == role), key=lambda name: name.count("."), default=None)


def metric_name(theirs: str) -> str:
    """A metric's name here: `val/iou` of `valid_iou`, `val/score` of `score`, `train/loss` of `Loss/train`."""
    if TRAINING.search(theirs):
        return "train/" + _cleaned(TRAINING.sub("", theirs))
    return "val/" + _cleaned(VALIDATION.sub("", theirs))


def probably_minimized(metric: str) -> bool:
    """Whether a metric is a loss or an error by its name."""
    return bool(LOWER_IS_BETTER.search(metric))


def _cleaned(name: str) -> str:
    return NOT_IN_A_METRIC.sub("_", name).strip("_-") or "score"

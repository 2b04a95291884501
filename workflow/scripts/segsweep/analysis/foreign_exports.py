"""What is known of the exports of W&B, MLflow, Optuna, Keras and pandas: their words for statuses, their bookkeeping.

Source: the export of a project's table in W&B's app (docs.wandb.ai, "Export data"), `mlflow.search_runs()` and the
export of MLflow's app, `optuna.Study.trials_dataframe()`, `keras.callbacks.CSVLogger`.
"""

import fnmatch
import re
from collections.abc import Iterable

from segsweep.statuses import RULES

STATUSES = tuple(RULES)
RUNNING = "running"
# In small letters, blanks and hyphens as underscores. `running` is no status of a result: such rows are left out.
STATUS_WORDS = (
    {word: word for word in STATUSES}
    | dict.fromkeys(("complete", "completed", "success", "succeeded", "done", "ok"), "finished")
    | dict.fromkeys(("fail", "failure", "error", "crash", "crashed", "killed", "preempted", "preempting"), "failed")
    | dict.fromkeys(("aborted", "canceled", "cancelled", "interrupted"), "failed")
    | dict.fromkeys(("early_stop", "earlystopped"), "early_stopped")
    | dict.fromkeys(("out_of_memory", "cuda_oom"), "oom")
    | dict.fromkeys(("nan", "divergence"), "diverged")
    | dict.fromkeys((RUNNING, "pending", "scheduled", "queued", "waiting", "unfinished"), RUNNING)
)
STATUS_COLUMNS = ("status", "state")
# Columns that say who, when and where, and nothing of a setting. In small letters.
BOOKKEEPING = {
    # what anybody writes down
    "", "index", "number", "id", "uuid", "run", "run id", "run_id", "run name", "run_name", "name", "display name",
    "display_name", "trial", "trial_id", "job_id", "slurm_job_id", "user", "username", "host", "hostname", "url",
    "log_dir", "logdir", "output_dir", "date", "time", "datetime", "timestamp", "duration", "runtime", "wall_time",
    "elapsed", "file", "__index_level_0__",  # the last one of pandas
    # W&B
    "created", "updated", "end time", "heartbeat", "sweep", "_runtime", "_timestamp", "gpu count", "gpu type",
    "cpu count", "os", "python version", "relative time (process)", "relative time (wall)",
    # MLflow
    "start time", "start_time", "end_time", "artifact_uri", "lifecycle_stage", "source type", "source_type",
    # Optuna
    "datetime_start", "datetime_complete",
}  # fmt: skip
# Not a person's own tags of MLflow or attributes of Optuna, which may name a setting.
BOOKKEEPING_PATTERNS = (
    "unnamed: *", "metrics.*", "tags.mlflow.*", "system_attrs*", "values_[0-9]*", "_wandb*", "system/*", "system.*",
)  # fmt: skip
# Of these, those that two runs never share.
IDENTITIES = {"id", "uuid", "number", "run id", "run_id"}
SEEDS = ("seed", "random_state", "random_seed", "rng", "fold")
EPOCHS = ("epoch", "epochs", "step", "_step", "global_step", "iteration", "iter")
MEASURED = re.compile(
    r"loss|iou|dice|jaccard|acc|f1|hmean|precision|recall|score|auc|map|metric|^val|^test|^train|time|runtime|memory"
)


def status_of(word: str) -> str | None:
    """The status that a word of a known export means, `running` for a run that has no end; None if it is unknown."""
    return STATUS_WORDS.get(re.sub(r"[\s-]+", "_", word.strip().lower()))


def status_column(header: Iterable[str], words: dict[str, set[str]]) -> str | None:
    """A column `state` or `status` that holds only words that are known, or None.

    Args:
        header: names of the columns.
        words: all texts of each column that are not missing.
    """
    for name in header:
        if name.strip().lower() in STATUS_COLUMNS and words[name] and all(map(status_of, words[name])):
            return name
    return None


def is_of_optuna(header: Iterable[str]) -> bool:
    """Whether these are the columns of Optuna's `trials_dataframe`."""
    names = list(header)
    return "number" in names and any(name.startswith("params_") for name in names)


def is_bookkeeping(column: str) -> bool:
    """Whether a column of a known export says nothing of a run's setting."""
    name = column.lower()
    return name in BOOKKEEPING or any(fnmatch.fnmatchcase(name, pattern) for pattern in BOOKKEEPING_PATTERNS)


def is_identity(column: str) -> bool:
    """Whether two runs never have the same text in a column."""
    return column.lower() in IDENTITIES


def kind_of(column: str) -> str:
    """What an undeclared column seems to hold: `seed`, `history`, `metrics` or `axes`, the keys of a table."""
    name = re.split(r"[./]", column.lower())[-1].removeprefix("params_")
    if name in SEEDS:
        return "seed"
    if name in EPOCHS:
        return "history"
    return "metrics" if MEASURED.search(name) else "axes"

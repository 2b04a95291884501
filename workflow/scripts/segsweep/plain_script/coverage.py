"""What of a run a plain script cannot hold, each thing by its key."""

from segsweep import metrics
from segsweep.config.components import Model
from segsweep.config.train import weights_file
from segsweep.own_code.names import own_name
from segsweep.plain_script.networks import ARCHITECTURES
from segsweep.plain_script.trained_run import TrainedRun
from segsweep.planning.own_components import own_components

TASKS = ("binary", "multiclass", "multilabel")


def problems(run: TrainedRun) -> list[str]:
    """What a script cannot train as the run did; nothing where it can train all of it."""
    train, task = run.train, run.prepared.task
    found = [f"code of your own: {part.own.name}" for _, part in own_components(train)]
    found += [f"code of your own: the metric {column}" for column in run.scores if metrics.metric_of(column).own]
    if task not in TASKS:
        found.append(f"data sets of the task {task}: only {', '.join(TASKS)} are written out")
    found += _of_model(train.model)
    found += _of_augmentation(run)
    if train.precision == "fp16":
        found.append("precision: fp16")
    if run.record.status == "oom":
        found.append("a run that ended out of memory")
    elif (run.record.micro_batch or train.batch_size) < train.batch_size:
        found.append(f"batches passed through the network in parts of {run.record.micro_batch} images (on_oom)")
    return found


def _of_model(model: Model) -> list[str]:
    found = []
    if model.arch not in ARCHITECTURES and not model.own:
        found.append(f"model.arch: {model.arch}")
    if weights_file(model.encoder_weights):
        found.append("model.encoder_weights: a file of weights")
    return found


def _of_augmentation(run: TrainedRun) -> list[str]:
    data = run.train.data
    if data.augmentation == "none" or own_name(data.augmentation):
        return []
    if data.augmentation_backend != "albumentations":
        return [f"data.augmentation_backend: {data.augmentation_backend}"]
    if run.prepared.dtype != "uint8":
        return [f"data.augmentation of images of {run.prepared.dtype}"]
    return []

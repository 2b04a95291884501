"""What of a run a plain script cannot hold, each thing by its key."""

from segsweep import metrics
from segsweep.config.train import weights_file
from segsweep.plain_script.networks import ARCHITECTURES
from segsweep.plain_script.trained_run import TrainedRun

TASKS = ("binary", "multiclass")


def problems(run: TrainedRun) -> list[str]:
    """What a script cannot train as the run did; nothing where it can train all of it."""
    train, task = run.train, run.prepared.task
    found = []
    if task not in TASKS:
        found.append(f"data sets of the task {task}: only {' and '.join(TASKS)} are written out")
    if train.model.arch not in ARCHITECTURES:
        found.append(f"model.arch: {train.model.arch}")
    if weights_file(train.model.encoder_weights):
        found.append("model.encoder_weights: a file of weights")
    if train.data.patches:
        found.append("data.patches: pages stitched from patches")
    if train.data.augmentation != "none" and train.data.augmentation_backend != "albumentations":
        found.append(f"data.augmentation_backend: {train.data.augmentation_backend}")
    if train.data.augmentation != "none" and run.prepared.dtype != "uint8":
        found.append(f"data.augmentation of images of {run.prepared.dtype}")
    if train.accumulate > 1:
        found.append(f"accumulate: {train.accumulate}")
    if train.precision == "fp16":
        found.append("precision: fp16")
    if run.record.status == "oom":
        found.append("a run that ended out of memory")
    elif (run.record.micro_batch or train.batch_size) < train.batch_size:
        found.append(f"batches passed through the network in parts of {run.record.micro_batch} images (on_oom)")
    found += [f"{name}: a mean over batches" for name in metrics.measured_in_batches(run.scores)]
    return found

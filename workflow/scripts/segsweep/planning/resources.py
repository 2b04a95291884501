"""What a training asks a cluster for: memory and run time from its cell and from what was measured before."""

import itertools
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from math import ceil
from typing import Any

from segsweep.config.cluster import Cluster
from segsweep.errors import InputError
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

CLUSTER_FILE = "config/cluster.yaml"
# Models of GPUs that Snakemake's plugin for Slurm takes. Slurm also knows some with hyphens.
PLUGIN_MODEL = re.compile(r"[\w.]+", re.ASCII)

# Host memory of a process that has torch, its CUDA context and the libraries loaded, and of Snakemake beside it.
BASE_MB = 3500
WORKER_MB = 700
AUTO_WORKERS = 2  # that `workers: auto` has room for, unless config/cluster.yaml says how many processors a job has
# Bytes for each pixel of a batch in training, fp32, by encoder: what U-Net++, the dearest decoder, keeps for the
# backward pass, and at least a quarter more for what comes and goes. A test counts again. Unnamed ones cost the most.
BYTES_PER_PIXEL = {
    "lcnet": 2000, "mobilenet": 4000, "resnet18": 4000, "plain18": 4000, "resnet34": 4500, "plain34": 4500,
    "resnet50": 8000, "efficientnet-b4": 9500,
}  # fmt: skip
UNKNOWN_BYTES_PER_PIXEL = 9500
DEFAULT_SIDE = 512
# Of a program nobody knows what it needs until it has run: of main memory, and of that of a GPU.
PROGRAM_MB = 8000
# Half precision keeps half of it for the backward pass, but not of everything.
HALF_PRECISION = 0.65
# Weights, gradients, moments of Adam, workspaces; and where weights are averaged, one more copy of them.
FIXED_MB = 1000
AVERAGE_MB = 250
# A measured need, and room for what varies.
ROOM = 1.3
START_MIN = 10
ROUND_MIN = 5
# Records of trained segments that are learned from, the newest: reading those of ten thousand takes seconds of a start.
MOST_READ = 1000
# Keys of a model on which neither speed nor memory depends.
COSTS_NOTHING = {"encoder_weights", "init", "dropout"}


def check(cluster: Cluster, run=subprocess.run) -> None:
    """Find what is missing in config/cluster.yaml before the first job is submitted.

    Args:
        cluster: the settings.
        run: runs a command, as `subprocess.run` does.

    Raises:
        InputError: no partition, or one that the cluster does not have; a time above the partition's.
    """
    there = partitions(run)
    listed = f" This cluster has: {', '.join(there)}." if there else " `sinfo` lists them."
    if cluster.partition is None:
        raise InputError(
            f"{CLUSTER_FILE}: cluster.partition is not set. Write the name of the partition that trainings go to, "
            f"or `default`.{listed}"
        )
    if there and cluster.partition != "default":
        asked = re.split(r"[,\s]+", cluster.partition)
        wrong = [name for name in asked if name not in there]
        if wrong:
            raise InputError(f"{CLUSTER_FILE}: cluster.partition is {', '.join(wrong)!r}.{listed}")
    if cluster.time_min > cluster.max_time_min:
        raise InputError(
            f"{CLUSTER_FILE}: cluster.time_min is {cluster.time_min}, more than max_time_min, "
            f"{cluster.max_time_min}. Lower it, or raise max_time_min to what `sinfo -o '%P %l'` says."
        )


def partitions(run=subprocess.run) -> list[str]:
    """Names of the partitions that `sinfo` lists; empty where it cannot be asked."""
    if run is subprocess.run and not shutil.which("sinfo"):
        return []
    try:
        answer = run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return sorted(set(answer.stdout.split())) if answer.returncode == 0 else []


def submission(cluster: Cluster | None) -> dict[str, Any]:
    """Resources of Slurm's that are the same for all trainings; those not asked for are left out."""
    if cluster is None:
        return {}
    asked: dict[str, Any] = {}
    if cluster.partition and cluster.partition != "default":
        asked["slurm_partition"] = cluster.partition
    if cluster.account:
        asked["slurm_account"] = cluster.account
    resources, further = cluster.options
    # To the training, not to the batch script: that would end Snakemake, and with it the job.
    options = [f"--signal=TERM@{cluster.warning_s}"] if cluster.warning_s else []
    if cluster.gres:
        asked["gres"] = cluster.gres
    elif cluster.gpu == "any":
        asked["gpu"] = 1
    elif cluster.gpu != "none" and PLUGIN_MODEL.fullmatch(cluster.gpu):
        asked |= {"gpu": 1, "gpu_model": cluster.gpu}
    elif cluster.gpu != "none":
        options.append(f"--gpus-per-node={cluster.gpu}:1")
    if extra := " ".join(filter(None, [*options, further])):
        asked["slurm_extra"] = extra
    return asked | resources


def workers_of(train: dict[str, Any]) -> int:
    """Loader threads or processes that a setting has room for."""
    return AUTO_WORKERS if train["workers"] == "auto" else train["workers"]


class Resources:
    """What segments need, from measurements in the store where there are some.

    Args:
        cluster: what a person said; None on one machine.
        store: trained segments to learn from; None to do without.
        ends: when the study's budget ends trainings, seconds since the epoch; None where it does not.
    """

    def __init__(self, cluster: Cluster | None, store: SegmentStore | None, ends: float | None = None):
        self.cluster = cluster
        self.store = store
        self.ends = ends
        self._measured: dict[str, tuple[float, float]] | None = None

    def memory_mb(self, segment: SegmentPlan, attempt: int = 1) -> int:
        """Main memory of a segment's job, MB; half as much more with each further attempt."""
        train = segment.train
        mb = self.cluster.memory_mb if self.cluster else None
        if mb is None and segment.program is not None:
            # Of a program that has no GPU, what is measured is main memory.
            mb = self.device_mb(segment) if self.cluster and not self.cluster.has_gpu else PROGRAM_MB
        elif mb is None:
            mb = BASE_MB + WORKER_MB * workers_of(train)
            channels = segment.dataset.get("channels") or 3
            mb += ceil(4 * (1 + workers_of(train)) * channels * 4 * train["batch_size"] * pixels(segment) / 1e6)
            if self.cluster and not self.cluster.has_gpu:
                mb += self.device_mb(segment)
        return ceil(mb * (1 + 0.5 * (attempt - 1)))

    def cpus(self, segment: SegmentPlan) -> int:
        """Processors of a segment's job: one, and one for each that loads images; how many a program uses it says."""
        workers = 0 if segment.program is not None else workers_of(segment.train)
        return (self.cluster.cpus if self.cluster else None) or 1 + workers

    def device_mb(self, segment: SegmentPlan) -> int:
        """Memory on the device that trains, MB."""
        measured = self._found(segment)
        if measured and measured[1]:
            return ceil(ROOM * measured[1])
        return PROGRAM_MB if segment.program is not None else estimated_device_mb(segment)

    def runtime_min(self, segment: SegmentPlan, attempt: int = 1) -> int:
        """Run time to ask for, minutes: seconds measured for an epoch times epochs, or a default; times attempts."""
        limit = self._limit_min()
        measured = self._found(segment)
        if measured:
            epochs = segment.epochs
            minutes = START_MIN + ROOM * epochs * measured[0] / 60
            minutes = ROUND_MIN * ceil(minutes / ROUND_MIN)
        else:
            minutes = self.cluster.time_min if self.cluster else 240
        return min(limit, minutes * attempt)

    def _limit_min(self) -> int:
        """The longest run time that a training may ask for, minutes.

        No more than is left until the budget ends it, and time to start and to save its state.
        """
        limit = self.cluster.max_time_min if self.cluster else 24 * 60
        if self.ends is None:
            return limit
        left = max(0.0, self.ends - time.time()) / 60
        return min(limit, START_MIN + ROUND_MIN * ceil(left / ROUND_MIN))

    def at_most_min(self, minutes: int) -> int:
        """Run time of a job that is no training, minutes: what the partition allows of it."""
        return min(minutes, self.cluster.max_time_min) if self.cluster else minutes

    def runtime_of_pack_min(self, segments: list[SegmentPlan], at_once: int, attempt: int = 1) -> int:
        """Run time of a job that trains several segments, `at_once` side by side, minutes."""
        limit = self._limit_min()
        if self._found(segments[0]) is None:
            # The default is generous already: what is put into packs is short.
            return max(self.runtime_min(one, attempt) for one in segments)
        minutes = sum(self.runtime_min(one) - START_MIN for one in segments) / at_once
        return min(limit, ROUND_MIN * ceil((START_MIN + minutes) / ROUND_MIN) * attempt)

    def _found(self, segment: SegmentPlan) -> tuple[float, float] | None:
        if self.store is None:
            return None
        if self._measured is None:
            on_gpu = None if self.cluster is None else self.cluster.has_gpu
            self._measured = measurements(self.store.readable_records(MOST_READ), on_gpu)
        return self._measured.get(resource_profile(segment))


def measurements(records: Iterable[SegmentRecord], on_gpu: bool | None) -> dict[str, tuple[float, float]]:
    """Largest seconds for an epoch and peak memory (MB) of the trained segments of each resource_profile.

    Args:
        records: of trained segments.
        on_gpu: learn only from those trained on a GPU, or only from those without; None: from all.
    """
    found: dict[str, tuple[float, float]] = {}
    for record in records:
        epochs, used_gpu = record.trained_epochs, record.host.get("gpu") is not None
        if epochs < 1 or not record.train_seconds or (on_gpu is not None and on_gpu != used_gpu):
            continue
        profile = resource_profile(record)
        seconds, memory = found.get(profile, (0.0, 0.0))
        found[profile] = (
            max(seconds, record.train_seconds / epochs),
            max(memory, record.peak_memory_mb or 0.0),
        )
    return found


def resource_profile(segment: SegmentPlan | SegmentRecord) -> str:
    """What decides speed and memory: segments that agree in it take about the same, those of a program at most."""
    if segment.program is not None:
        return repr((segment.program["folder"], started(segment.program["command"])))
    train = segment.train
    model = {name: value for name, value in train["model"].items() if name not in COSTS_NOTHING}
    named = {name: train[name] for name in ("data", "batch_size", "precision", "channels_last", "workers")}
    named["ema"] = train.get("ema") is not None  # a record of an earlier version does not know the key
    return repr((model, named, segment.dataset["name"], segment.dataset.get("demo")))


def started(command: str) -> str:
    """What a command starts, without its arguments: `python my/train.py`."""
    words = itertools.takewhile(lambda word: word[0] not in "-{", command.split())
    return " ".join(word for word in words if "=" not in word)


def pixels(segment: SegmentPlan) -> int:
    """Pixels of an image as the network sees it in training."""
    data, dataset = segment.train["data"], segment.dataset
    patch = data["patches"]["size"] if data["patches"] else None
    size = data["crop"] or data["image_size"] or (patch and (patch, patch)) or (dataset.get("demo") or {}).get("size")
    height, width = size or (DEFAULT_SIDE, DEFAULT_SIDE)
    return height * width


def estimated_device_mb(segment: SegmentPlan) -> int:
    """Memory of a training on its device by a rule of thumb, MB."""
    train = segment.train
    encoder = train["model"].get("encoder", "")  # a network of one's own may have none
    each = next((size for name, size in BYTES_PER_PIXEL.items() if name in encoder), UNKNOWN_BYTES_PER_PIXEL)
    if train["precision"] in ("bf16", "fp16"):  # which of them `auto` takes, the device decides
        each *= HALF_PRECISION
    fixed = FIXED_MB + (AVERAGE_MB if train["ema"] else 0)
    return fixed + ceil(each * train["batch_size"] * pixels(segment) / 1e6)

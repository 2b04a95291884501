"""What a person fills in about their cluster: config/cluster.yaml."""

import re
import shlex
from typing import Annotated

from pydantic import AfterValidator, field_validator

from segsweep.config.settings import Settings, key
from segsweep.config.yaml_loading import WrittenNumber

# Said by other keys, or by Snakemake itself; sbatch would take the last one that it is given.
SAID_ELSEWHERE = {
    "--partition": "partition", "-p": "partition", "--account": "account", "-A": "account", "--gpus": "gpu",
    "-G": "gpu", "--gres": "gres", "--mem": "memory_mb", "--time": "time_min", "-t": "time_min",
    "--cpus-per-task": "cpus", "-c": "cpus", "--signal": "warning_s",
}  # fmt: skip
# Said by Snakemake's plugin for Slurm, which refuses them in what is added to its call of sbatch.
SAID_BY_SNAKEMAKE = {
    "--job-name", "-J", "--output", "-o", "--error", "-e", "--parsable", "--export", "--comment", "--workdir", "-D",
    "--mem-per-cpu", "--ntasks", "-n", "--ntasks-per-gpu", "--cpus-per-gpu", "--nodes", "-N", "--clusters",
}  # fmt: skip
# Refused there as well, but taken as a resource of this name.
RESOURCES = {"--qos": "qos", "-q": "qos", "--constraint": "constraint", "-C": "constraint"}
# What the plugin takes as `gres`.
GRES = re.compile(r"\w+(:[\w.]+)?(:\d+[TGM]?)?", re.ASCII)
SLURM_TIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")


def _plain(value: str) -> str:
    """Refuses what a shell, or sbatch, would read as more than a name."""
    if not re.fullmatch(r"[\w.,:@/+-]+", value):
        raise ValueError(
            f"{value!r} holds more than a name, a number or a list of them with commas: letters, digits and "
            "`. , : @ / + - _` are allowed"
        )
    return value


Name = Annotated[str, AfterValidator(_plain)]


class Cluster(Settings):
    """The section `cluster` of config/cluster.yaml; it is there only under a profile that loads that file."""

    partition: Name | None = key(None, "Partition for trainings; `default` takes the cluster's default.", outcome=False)
    account: Name | None = key(None, "Account that is charged; none where the cluster has no accounts.", outcome=False)
    gpu: Name = key("any", "Model of the GPU as Slurm calls it, or `any`, or `none` to train on CPUs.", outcome=False)
    gres: Name | None = key(
        None, "Asked for in place of a whole GPU: `shard:1` or `mps:25`, where the cluster has them.", outcome=False
    )
    cpus: int | None = key(None, "CPUs for a job; 1 and one for each loader process if not set.", ge=1, outcome=False)
    memory_mb: int | None = key(
        None,
        "Memory for a job; from model, batch and image size if not set, of a program of your own 8000 or what was "
        "measured.",
        unit="MB",
        ge=500,
        outcome=False,
    )
    time_min: int = key(
        240, "Run time asked for where nothing like it was trained yet.", unit="minutes", ge=1, outcome=False
    )
    max_time_min: int = key(1440, "Longest run time that the partition allows.", unit="minutes", ge=1, outcome=False)
    warning_s: int = key(
        120,
        "A job hears of its time limit that long before and puts itself back into the queue; 0 for not at all.",
        unit="seconds",
        ge=0,
        outcome=False,
    )
    retries: int = key(
        3, "New jobs after one that was cancelled, killed or timed out; a crash gets none.", ge=0, outcome=False
    )
    extra: str = key("", "Further options of sbatch: `--qos=long --constraint=a100`.", outcome=False)

    @property
    def options(self) -> tuple[dict[str, str], str]:
        """What `extra` says, as Snakemake's plugin takes it: resources by name, and options as a shell reads them."""
        words, resources, others = iter(shlex.split(self.extra)), {}, []
        for word in words:
            name, equals, value = word.partition("=")
            if name in RESOURCES:
                resources[RESOURCES[name]] = value if equals else next(words)
            else:
                others.append(word)
        return resources, shlex.join(others)

    @property
    def has_gpu(self) -> bool:
        """Whether a job gets a GPU, or a part of one."""
        return self.gpu != "none" or self.gres is not None

    @field_validator("partition", "account", "gpu", mode="before")
    @classmethod
    def _as_text(cls, value):
        if isinstance(value, WrittenNumber):
            return value.text
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("time_min", "max_time_min", mode="before")
    @classmethod
    def _minutes(cls, value):
        """Also as Slurm writes times: `24:00:00`, `2-00:00:00`."""
        if isinstance(value, str) and (time := SLURM_TIME.fullmatch(value)):
            days, hours, minutes, seconds = (int(part or 0) for part in time.groups())
            return (days * 24 + hours) * 60 + minutes + bool(seconds)
        return value

    @field_validator("gres")
    @classmethod
    def _taken_as_gres(cls, value: str | None) -> str | None:
        if value is not None and not GRES.fullmatch(value):
            raise ValueError(
                f"{value!r} is no NAME, NAME:NUMBER or NAME:TYPE:NUMBER of letters, digits, `_` and `.`, "
                "as Snakemake's plugin for Slurm takes it; a GPU of a type with a hyphen is asked for with `gpu`"
            )
        return value

    @field_validator("extra")
    @classmethod
    def _not_said_twice(cls, value: str) -> str:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"{value!r} cannot be cut into words ({error}); close each quotation mark") from None
        for word in words:
            name = word.split("=")[0]
            if name in SAID_ELSEWHERE:
                raise ValueError(f"{name} has a key of its own, {SAID_ELSEWHERE[name]}; set that instead")
            if name in SAID_BY_SNAKEMAKE:
                raise ValueError(f"{name} is set by Snakemake's plugin for Slurm, which refuses it here; leave it out")
        if words and words[-1] in RESOURCES:
            raise ValueError(f"{words[-1]} has no value; write {words[-1]} VALUE, or leave it out")
        return shlex.join(words)  # for the shell that starts sbatch, nothing but words

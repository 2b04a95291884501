"""What config/cluster.yaml asks Slurm for through Snakemake's plugin: of the examples for sites, and of what the plugin
would refuse only when it submits the first job."""

import re
import shlex
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import get_forbidden_slurm_options, validate_slurm_extra

from segsweep.config.cluster import Cluster
from segsweep.config.yaml_documents import Document, parse
from segsweep.errors import InputError
from segsweep.planning.resources import submission

EXAMPLES = Path(__file__).parents[2] / "profiles" / "examples" / "clusters"
ASKED = {
    "account_and_qos": ("gpu", "-C a100|h100 --qos=normal --exclude=gpu017 --gpus=1"),
    "cpus_only": ("cpu", ""),
    "gpu_types": (None, "--gpus=a100:1"),
    "mig_slices": ("mig", "--gres=gpu:1g.10gb:1"),
    "preemptible": ("preempt,scavenge", "--qos=scavenger --gpus=1"),
    "several_partitions": ("short,gpu", "--gpus=1"),
    "shards": ("gpu", "--gres=shard:4"),
}
PARAMS = {"run_uuid": "u", "slurm_logfile": "l", "comment_str": "c", "account": "", "partition": "", "workdir": None}


class Resources(dict):
    """Those of a job, as Snakemake hands them to the plugin."""

    __getattr__ = dict.get


def told(cluster: Cluster) -> list[str]:
    """What sbatch is told because of the cluster, but for account and partition, in the plugin's words."""
    job = SimpleNamespace(resources=Resources(submission(cluster), cpus_per_task=2), threads=1)
    validate_slurm_extra(job)
    words = shlex.split(get_submit_command(job, PARAMS) + set_gres_string(job))
    return [word for word in words[words.index("c") + 1 :] if not word.startswith(("--cpus-per-task", "--ntasks="))]


def cluster_of(**keys) -> Cluster:
    return parse(Cluster, keys, lambda _: "cluster.yaml")


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_an_example_asks_slurm_for_what_it_says(path):
    document = Document(path)
    assert list(document.values) == ["cluster"]
    cluster = cluster_of(**document.values["cluster"])
    partition, words = ASKED[path.stem]
    assert submission(cluster).get("slurm_partition") == partition
    assert sorted(told(cluster)) == sorted([f"--signal=TERM@{cluster.warning_s}", *words.split()])
    assert cluster.time_min <= cluster.max_time_min


def test_a_model_with_a_hyphen_is_asked_for_in_a_way_that_the_plugin_takes():
    assert told(cluster_of(gpu="a100-pcie", warning_s=0)) == ["--gpus-per-node=a100-pcie:1"]
    assert told(cluster_of(gpu="h100.80gb", warning_s=0)) == ["--gpus=h100.80gb:1"]
    with pytest.raises(InputError, match=r"gres: 'gpu:a100-pcie:1' is no NAME.*asked for with `gpu`"):
        cluster_of(gres="gpu:a100-pcie:1")


@pytest.mark.parametrize("extra", ["--qos long -C 'a100&big'", "--constraint='a100&big' -q long"])
def test_a_quality_of_service_and_a_constraint_are_taken_from_extra(extra):
    assert told(cluster_of(gpu="none", warning_s=0, extra=extra)) == ["-C", "a100&big", "--qos=long"]
    with pytest.raises(InputError, match="--qos has no value"):
        cluster_of(extra="--exclude=n1 --qos")


def test_what_the_plugin_refuses_is_refused_before_the_first_job():
    """Each option of its list has a key of its own, is a resource, or is refused when the file is read."""
    options = {one for pattern in get_forbidden_slurm_options() for one in re.findall(r"--?[A-Za-z-]+", pattern)}
    assert len(options) > 20
    for option in options:
        with suppress(InputError):
            told(cluster_of(gpu="none", extra=f"{option} 1"))

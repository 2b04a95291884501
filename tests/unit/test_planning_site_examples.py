"""The examples of config/cluster.yaml for sites: each loads, and asks Slurm for what it says it asks for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.utils import set_gres_string

from segsweep.config.cluster import Cluster
from segsweep.config.yaml_documents import Document, parse
from segsweep.planning.resources import submission

EXAMPLES = Path(__file__).parents[2] / "profiles" / "examples" / "clusters"
ASKED = {
    "account_and_qos": ("gpu", "--gpus=1", "--qos=normal '--constraint=a100|h100' --exclude=gpu017"),
    "cpus_only": ("cpu", "", ""),
    "gpu_types": (None, "--gpus=a100:1", ""),
    "mig_slices": ("mig", "--gres=gpu:1g.10gb:1", ""),
    "preemptible": ("preempt,scavenge", "--gpus=1", "--qos=scavenger"),
    "several_partitions": ("short,gpu", "--gpus=1", ""),
    "shards": ("gpu", "--gres=shard:4", ""),
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_an_example_asks_slurm_for_what_it_says(path):
    document = Document(path)
    assert list(document.values) == ["cluster"]
    cluster = parse(Cluster, document.values["cluster"], lambda keys: f"{path.name}: {keys}")
    asked = submission(cluster)
    partition, gpu, extra = ASKED[path.stem]
    assert asked.get("slurm_partition") == partition
    # As Snakemake's plugin for Slurm says it to sbatch, which takes only some of what may stand there.
    assert set_gres_string(SimpleNamespace(resources=SimpleNamespace(get=asked.get, **asked))).strip() == gpu
    assert asked["slurm_extra"] == f"--signal=TERM@{cluster.warning_s} {extra}".strip()
    assert cluster.time_min <= cluster.max_time_min

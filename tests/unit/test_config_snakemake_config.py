"""What Snakemake hands on, as people wrote it."""

import pytest
import yaml

from segsweep.config.cluster import Cluster
from segsweep.config.snakemake_config import as_written
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError

TEXT = """
data_root: data
pack: 010
cluster:
  account: 012345
  partition: no
  time_min: 24:00:00
  warning_s: 60
"""


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "cluster.yaml"
    found.write_text(TEXT)
    return found


def test_values_of_files_are_read_by_yaml_1_2(file):
    snakemakes = yaml.safe_load(TEXT)
    assert (snakemakes["pack"], snakemakes["cluster"]["account"], snakemakes["cluster"]["partition"]) == (
        8,
        5349,
        False,
    )
    found = as_written(snakemakes, [file])
    assert (found["pack"], found["cluster"]["account"], found["cluster"]["partition"]) == (10, 12345, "no")
    assert found["cluster"]["warning_s"] == 60
    assert found["cluster"]["time_min"] == "24:00:00"


def test_what_the_command_line_says_stays(file):
    config = yaml.safe_load(TEXT) | {"pack": 3}
    config["cluster"] |= {"account": "mine", "warning_s": 30}
    found = as_written(config, [file])
    assert (found["pack"], found["cluster"]["account"], found["cluster"]["warning_s"]) == (3, "mine", 30)


@pytest.mark.parametrize(("text", "minutes"), [("24:00:00", 1440), ("2-00:00:00", 2880), ("00:00:30", 1), (90, 90)])
def test_times_as_slurm_writes_them(text, minutes):
    assert parse(Cluster, {"time_min": text}, lambda keys: "here").time_min == minutes


@pytest.mark.parametrize("text", ["1:30", "24h", "1-2", "25:61:00"])
def test_other_times_are_refused(text):
    with pytest.raises(InputError, match="time_min"):
        parse(Cluster, {"time_min": text}, lambda keys: "here")

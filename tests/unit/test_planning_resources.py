"""What trainings ask a cluster for, how they are packed, and how GPUs of one machine are shared."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from segsweep.config.cluster import Cluster
from segsweep.config.load import Request, load
from segsweep.config.train import Train
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.execution.gpus import Gpu, choose, claim, in_force, list_gpus, memory_of, name_of, visible
from segsweep.execution.requeue import requeue_job
from segsweep.io import write_json
from segsweep.models import build
from segsweep.models.plain_encoders import RESNETS
from segsweep.planning import resources
from segsweep.planning.grid import lay_out
from segsweep.planning.packs import pack_up, remembered, trees
from segsweep.planning.resources import (
    BASE_MB,
    BYTES_PER_PIXEL,
    Resources,
    check,
    estimated_device_mb,
    measurements,
    pixels,
    started,
    submission,
)
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan, segment_record

CONFIG = Path(__file__).parents[2] / "config"


def answers(*outputs):
    """In place of `subprocess.run`: one (exit status, output) after the other; what was run is in `.calls`."""
    left, calls = list(outputs), []

    def run(command, **_):
        calls.append(command)
        status, text = left.pop(0)
        return SimpleNamespace(returncode=status, stdout=text)

    run.calls = calls
    return run


def described(**train):
    return segment_plan(f"{'a' * 16}-0010", train={"batch_size": 8, "data": {"image_size": [256, 256]}} | train)


def measured(seconds, gpu="A100", segment=f"{'a' * 16}-0010"):
    like = described()
    return segment_record(
        segment, train=like.train, dataset=like.dataset, train_seconds=seconds, peak_memory_mb=2000.0, host={"gpu": gpu}
    )


SINFO = (0, "gpu\npreempt\n")


def test_a_missing_partition_is_named_with_those_that_exist():
    with pytest.raises(InputError, match=r"cluster.yaml: cluster.partition is not set.*gpu, preempt"):
        check(Cluster(), answers(SINFO))
    with pytest.raises(InputError, match=r"cluster.partition is 'gpus'.*gpu, preempt"):
        check(Cluster(partition="gpus"), answers(SINFO))
    check(Cluster(partition="gpu,preempt"), answers(SINFO))
    check(Cluster(partition="default"), answers(SINFO))
    check(Cluster(partition="anything"), answers((1, "")))


def test_a_time_above_the_limit_is_refused():
    with pytest.raises(InputError, match=r"time_min is 100.*max_time_min, 50"):
        check(Cluster(partition="gpu", time_min=100, max_time_min=50), answers(SINFO))


@pytest.mark.parametrize(("extra", "remedy"), [("--mem=4G", "memory_mb"), ("-p gpu", "partition")])
def test_options_that_have_a_key_are_refused_in_extra(extra, remedy):
    with pytest.raises(InputError, match=f"cluster.yaml: extra: .*{remedy}"):
        parse(Cluster, {"extra": extra}, lambda keys: "cluster.yaml")


def test_a_submission_says_what_was_filled_in_and_nothing_else():
    assert submission(None) == {}
    assert submission(Cluster(partition="default", warning_s=0)) == {"gpu": 1}
    assert submission(Cluster(partition="p", account="a", gpu="a100", extra="--qos=long")) == {
        "slurm_partition": "p", "slurm_account": "a", "gpu": 1, "gpu_model": "a100",
        "qos": "long", "slurm_extra": "--signal=TERM@120",
    }  # fmt: skip
    assert submission(Cluster(gpu="none", warning_s=0)) == {}
    assert submission(Cluster(gres="shard:1", warning_s=0)) == {"gres": "shard:1"}


def test_memory_grows_with_the_batch_the_image_and_the_attempt():
    needs = Resources(Cluster(), None)
    base = needs.memory_mb(described())
    assert base > BASE_MB
    assert needs.memory_mb(described(batch_size=32)) > base
    assert needs.memory_mb(described(data={"image_size": [512, 512]})) > base
    assert needs.memory_mb(described(), attempt=3) == 2 * base
    assert Resources(Cluster(memory_mb=1000), None).memory_mb(described(), attempt=2) == 1500
    assert Resources(Cluster(gpu="none"), None).memory_mb(described()) > base


def test_processors_follow_the_loaders():
    assert Resources(None, None).cpus(described(workers=3)) == 4
    assert Resources(Cluster(cpus=2), None).cpus(described(workers=3)) == 2


def test_device_memory_by_hand():
    # 1 GB and 4000 bytes for each of 8 * 256 * 256 pixels.
    assert estimated_device_mb(described()) == 1000 + 2098
    assert pixels(described(data={"crop": [64, 128]})) == 64 * 128


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [
        ("unetplusplus", "tu-lcnet_035"),
        ("unetplusplus", "mobilenet_v2"),
        ("unetplusplus", "resnet18"),
        ("unetplusplus", "resnet34"),
        ("unetplusplus", "plain18"),
        ("unetplusplus", "plain34"),
        ("unetplusplus", "efficientnet-b4"),
        ("attention_resunet", "resnet34"),
        ("bisenet", "resnet18"),
        ("dbnet", "efficientnet-b4"),
    ],
)
def test_device_memory_holds_what_a_training_keeps(arch, encoder):
    settings = described(batch_size=2, model={"arch": arch, "encoder": encoder}, data={"crop": [64, 64]})
    network = build(Train.model_validate(settings.train).model, 3).train()
    weights = {each.untyped_storage().data_ptr() for each in [*network.parameters(), *network.buffers()]}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _ = network(torch.zeros(2, 3, 64, 64))
    activations_mb = sum(size for size, _ in kept.values()) / 1e6
    adam_mb = 4 * 4 * sum(weight.numel() for weight in network.parameters()) / 1e6
    assert adam_mb < 1000
    assert 1.2 * activations_mb < estimated_device_mb(settings) - 1000


def test_device_memory_knows_the_encoders_of_the_package_and_of_the_shipped_studies():
    encoders = set(RESNETS)
    for study in {one.stem for one in CONFIG.glob("studies/*.yaml")} - {"imported_example"}:
        for smoke in (False, True):
            loaded = load(Request(study=study, smoke=smoke), CONFIG)
            settings = lay_out(loaded.study, loaded.base, loaded.location).settings
            encoders |= {one.sections["model"].value.encoder for one in settings}
    assert encoders > {"plain18", "plain34", "resnet34"}
    assert [one for one in encoders if not any(name in one for name in BYTES_PER_PIXEL)] == []


def test_run_time_is_measured_where_something_like_it_was_trained(tmp_path, monkeypatch):
    cluster = Cluster(time_min=200, max_time_min=500)
    assert Resources(cluster, SegmentStore(tmp_path)).runtime_min(described()) == 200
    assert Resources(cluster, SegmentStore(tmp_path)).runtime_min(described(), attempt=3) == 500
    for record in (measured(600.0), measured(60.0, segment=f"{'b' * 16}-0010")):
        (tmp_path / record.id).mkdir()
        write_json(tmp_path / record.id / "segment.json", record.to_json())
    (tmp_path / f"{'c' * 16}-0010").mkdir()
    (tmp_path / f"{'c' * 16}-0010" / "segment.json").write_text("{")  # damaged: nothing is learned from it
    # 60 s an epoch, 10 epochs, 1.3 times: 13 minutes and 10 to start, up to the next 5.
    needs = Resources(cluster, SegmentStore(tmp_path))
    assert needs.runtime_min(described()) == 25
    assert needs.runtime_min(described(), attempt=2) == 50
    assert needs.runtime_min(described(batch_size=9)) == 200
    assert needs.device_mb(described()) == 2600
    monkeypatch.setattr(resources, "MOST_READ", 0)
    assert Resources(cluster, SegmentStore(tmp_path)).runtime_min(described()) == 200
    # Two after each other at 13 minutes each; side by side.
    assert needs.runtime_of_pack_min([described()] * 2, 1) == 40
    assert needs.runtime_of_pack_min([described()] * 2, 2) == 25


def test_what_a_processor_took_says_nothing_about_gpus():
    assert measurements([measured(600.0, gpu=None)], on_gpu=True) == {}
    assert len(measurements([measured(600.0, gpu=None)], on_gpu=None)) == 1


def test_packs_keep_what_hangs_together_and_never_wait_in_a_circle():
    parents = {
        "a": None,
        "a1": "a",
        "b": None,
        "c": "trained",
        "d": None,
        "d1": "d",
        "d2": "d1",
        "d3": "d2",
        "d4": "d3",
    }
    assert trees(parents) == [["a", "a1"], ["b"], ["c"], ["d", "d1", "d2", "d3", "d4"]]
    packs = pack_up(parents, 3)
    assert list(packs.values()) == [["a", "a1", "b"], ["d", "d1", "d2"], ["d3", "d4"], ["c"]]
    done, left = set(), dict(packs)
    while left:  # each round, a pack all of whose parents are done
        name = next(n for n, p in left.items() if all(parents[s] in {None, "trained", *p, *done} for s in p))
        done |= set(left.pop(name))
    assert done == set(parents)


def test_a_queued_job_finds_its_pack_after_a_new_plan(tmp_path):
    path = tmp_path / "packs.json"
    path.write_text(json.dumps({"old": ["a", "b"], "done": ["c"]}))
    assert json.loads(remembered(path, {"new": ["b"]}, {"a", "c"})) == {"old": ["a", "b"], "new": ["b"]}


def test_the_gpu_with_most_room_is_taken_and_claims_count_until_they_are_used():
    gpus = [Gpu(0, "x", 10_000, 9_000), Gpu(1, "y", 10_000, 7_000)]
    assert choose(gpus, [], 3_000).uuid == "x"
    assert choose(gpus, [("x", 4_000, 1.0)], 3_000).uuid == "y"
    assert choose(gpus, [("x", 4_000, 1.0), ("y", 6_000, 1.0)], 3_000).uuid == "x"
    assert choose(gpus, [("x", 8_000, 1.0), ("y", 6_000, 1.0)], 3_000) is None
    # An old claim is part of what the driver says is taken.
    assert choose([Gpu(0, "x", 10_000, 5_000)], [("x", 5_000, 1e4)], 4_000).uuid == "x"
    # Too large for any: alone on one.
    assert choose(gpus, [("x", 1, 1.0)], 20_000).uuid == "y"
    assert choose(gpus, [("x", 1, 1.0), ("y", 1, 1.0)], 20_000) is None


def test_gpus_as_nvidia_smi_lists_them():
    text = "0, GPU-a, 40960, 40000\n1, GPU-b, 40960, 12\n"
    gpus = list_gpus(answers((0, text)))
    assert gpus == [Gpu(0, "GPU-a", 40960, 40000), Gpu(1, "GPU-b", 40960, 12)]
    assert visible(gpus, "1") == visible(gpus, "GPU-b") == [gpus[1]]
    assert visible(gpus, None) == gpus
    assert visible(gpus, "") == list_gpus(answers((9, ""))) == []
    assert name_of(gpus[0], answers((0, "NVIDIA A100\n"))) == "NVIDIA A100"
    assert name_of(gpus[0], answers((9, ""))) is None


def test_memory_of_processes_is_summed_over_gpus():
    text = "10, 500\n11, 40\n12, 7000\n10, 3\n13, [N/A]\n"
    assert memory_of([10, 11, 99], answers((0, text))) == 543
    assert memory_of([99, 13], answers((0, text))) is None
    assert memory_of([10], answers((9, ""))) is None


def test_a_claim_ends_with_its_process(tmp_path):
    gpus = [Gpu(0, "x", 10_000, 10_000)]
    code = (
        "import sys; from pathlib import Path; from segsweep.execution.gpus import Gpu, claim\n"
        "claim(6000, gpus=lambda: [Gpu(0, 'x', 10000, 10000)], folder=Path(sys.argv[1])); print('there', flush=True)\n"
        "sys.stdin.read()"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert other.stdout.readline() == b"there\n"
    assert [(uuid, mb) for uuid, mb, _ in in_force(tmp_path)] == [("x", 6000)]
    said = []

    def end_other(_):
        other.kill()
        other.communicate()

    gpu, handle = claim(6000, gpus=lambda: gpus, folder=tmp_path, say=said.append, sleep=end_other)
    assert gpu.uuid == "x"
    assert len(said) == 1
    assert len(in_force(tmp_path)) == 1
    os.close(handle)
    assert in_force(tmp_path) == []


def test_without_a_gpu_nothing_is_claimed(tmp_path):
    assert claim(1, gpus=list, folder=tmp_path) is None


def test_only_a_job_that_still_runs_puts_itself_back_into_the_queue():
    ours = {"SLURM_JOB_ID": "7"}
    said = []
    run = answers((0, "RUNNING\n"), (0, ""))
    assert requeue_job(ours, run=run, say=said.append)
    assert run.calls[1] == ["scontrol", "requeue", "7"]
    assert "back in the queue" in said[0]
    for state in ("COMPLETING\n", "PENDING\n", ""):
        assert not requeue_job(ours, run=answers((0, state)))
    assert not requeue_job(ours, run=answers((0, "RUNNING\n"), (1, "")))
    assert not requeue_job({}, run=answers())


def of_program(command):
    program = {"command": command, "environment": {}, "config": {}, "folder": "my"}
    return segment_plan(f"{'a' * 16}-0010", trainer="command", train={}, program=program)


def test_a_program_is_asked_for_what_it_needed_before(tmp_path):
    before = of_program("python my/train.py --lr 0.1 --out {out}")
    after = of_program("python my/train.py --lr 0.2 --out {out}")
    other = of_program("python my/train.py lr=0.2").program | {"folder": "yours"}
    for cluster in (Cluster(partition="cpu", gpu="none"), None):
        needs = Resources(cluster, SegmentStore(tmp_path))
        assert (needs.memory_mb(after), needs.cpus(after), needs.runtime_min(after)) == (8000, 1, 240)
    record = segment_record(
        before.id, train={}, program=before.program, train_seconds=600.0, peak_memory_mb=1000.0, host={"gpu": None}
    )
    write_json(tmp_path / record.id / "segment.json", record.to_json())
    needs = Resources(Cluster(partition="cpu", gpu="none"), SegmentStore(tmp_path))
    # Ten minutes, and room; 60 seconds for each of 10 epochs.
    assert (needs.memory_mb(after), needs.runtime_min(after)) == (1300, 25)
    assert needs.memory_mb(replace(after, program=other)) == 8000
    assert Resources(Cluster(memory_mb=1000), None).memory_mb(after, attempt=2) == 1500
    assert started("env A=1 python x.py {overrides}") == "env python x.py"
    assert started("torchrun my/train.py lr=0.1 seed=0") == "torchrun my/train.py"

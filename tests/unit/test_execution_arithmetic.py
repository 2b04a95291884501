"""Which arithmetic a device has: what `precision: auto` takes, keeps and records, and what is said of emulation."""

import shutil
from types import SimpleNamespace

import pytest
import torch

from segsweep.execution import arithmetic, gpus
from segsweep.execution.arithmetic import Arithmetic, about_precisions, of_device, of_gpu, of_processor, of_this_machine
from segsweep.execution.segment_job import run_job
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.report.sections.provenance import gather, mixed_precisions
from segsweep.store.checkpoints import write_checkpoint
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import STATE, SegmentStore
from segsweep.trainers import builtin
from tests.fakes import segment_plan

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
WITH = Arithmetic("this machine's CPU", has_bf16=True, has_fp16=False)
WITHOUT = Arithmetic("this machine's CPU", has_bf16=False, has_fp16=False)


@pytest.mark.parametrize(
    ("cpuinfo", "best"),
    [
        ("processor: 0\nflags\t\t: fpu avx512f avx512_bf16 avx512_fp16\n", "bf16"),
        ("flags\t\t: fpu avx2 amx_bf16 amx_tile\n", "bf16"),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\n", "fp32"),
        ("Features\t: fp asimd bf16 i8mm\n", "bf16"),
        ("Features\t: fp asimd asimdhp\n", "fp32"),
        (None, "fp32"),
    ],
)
def test_a_processor_is_judged_by_its_flags(cpuinfo, best, tmp_path):
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    found = of_processor(file)
    assert found.best == best
    assert f"`precision: {best}`" in found.emulated("fp16")
    assert ("emulates" in found.emulated("bf16")) is (best != "bf16")
    assert found.emulated("fp32") == found.emulated("auto") == ""


def test_this_processor_is_judged_as_torch_judges_it():
    supports = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        assert of_processor().has_bf16 is supports


@pytest.mark.parametrize(
    ("name", "capability", "best"),
    [("A100", (8, 0), "bf16"), ("H100", (9, 0), "bf16"), ("T4", (7, 5), "fp16"), ("P100", (6, 0), "fp32")],
)
def test_a_gpu_is_judged_by_its_capability(name, capability, best, monkeypatch):
    assert of_gpu(name, capability).best == best
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.no_grad())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: capability >= (8, 0))
    found = of_device(CUDA)
    assert found == of_gpu(name, capability)
    said = found.emulated("bf16")
    assert (name in said and f"precision: {best}" in said) is (best != "bf16")


DRIVER = {
    "--query-gpu=uuid,name,compute_cap": "GPU-1, Tesla T4, 7.5\nGPU-2, NVIDIA A100, 8.0\nGPU-3, odd, [N/A]\n",
    "--query-gpu=index,uuid,memory.total,memory.free": "0, GPU-1, 9, 9\n1, GPU-2, 9, 9\n2, GPU-3, 9, 9\n",
}


def driver(command, **options):
    return SimpleNamespace(returncode=0, stdout=DRIVER[command[1]])


def test_the_driver_tells_the_capability_of_the_visible_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.capabilities(driver) == [("Tesla T4", (7, 5)), ("NVIDIA A100", (8, 0))]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpus.capabilities(driver) == [("NVIDIA A100", (8, 0))]


def test_emulation_is_said_before_the_first_job_where_it_is_known(monkeypatch):
    monkeypatch.setattr(arithmetic, "of_processor", lambda: WITHOUT)
    monkeypatch.setattr(arithmetic, "capabilities", lambda: [("Tesla T4", (7, 5)), ("Tesla V100", (7, 0))])
    said = about_precisions(["bf16", "fp32", "bf16", "auto"], "auto")
    assert [name in one for one, name in zip(said, ("T4", "V100"), strict=True)] == [True, True]
    assert about_precisions(["fp16", "auto"], "cuda") == []
    assert len(about_precisions(["fp16", "bf16"], "cpu")) == 2

    monkeypatch.setattr(arithmetic, "capabilities", list)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(arithmetic, "OTHER_GPUS", ())
    assert of_this_machine("auto") == [WITHOUT]
    assert of_this_machine("cuda") == []  # which is not here
    monkeypatch.setattr(arithmetic, "OTHER_GPUS", ("/",))  # a GPU that Nvidia's driver does not know
    assert about_precisions(["fp16", "bf16"], "auto") == []


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train a segment on a device that has some arithmetic, by a loop that ends at once; its store and its log."""
    store, log = SegmentStore(tmp_path), []
    ran = []

    def loop(segment, store, **options):
        ran.append(segment.train["precision"])
        status = "interrupted" if options["should_stop"]() else "finished"
        write_checkpoint(store.part(segment.id) / STATE, {"model": {}})
        return {"status": status, "detail": "", "epochs": segment.last_epoch, "best": {}}

    def train(has, precision="auto", stop=False, **more):
        plan = segment_plan({"precision": precision}, last=more.pop("last", 2), **more)
        monkeypatch.setattr(builtin, "of_device", lambda device: has)
        monkeypatch.setattr("segsweep.execution.segment_job.read_segment", lambda *_: plan)
        status = run_job(tmp_path, plan.id, tmp_path, device="cpu", should_stop=lambda: stop, say=log.append)
        return status, ran[-1], store.record_or_none(plan.id)

    monkeypatch.setattr(builtin, "train_segment", loop)
    monkeypatch.setattr(builtin, "check_prepared", lambda folder: None)
    return train, log


def test_auto_takes_what_the_device_has_and_is_recorded(trained):
    train, log = trained
    for seed, (has, taken) in enumerate([(WITH, "bf16"), (WITHOUT, "fp32"), (of_gpu("T4", (7, 5)), "fp16")], 1):
        status, precision, record = train(has, seed=seed)
        assert (status, precision, record.precision, record.train["precision"]) == (0, taken, taken, "auto")
        assert record.as_trained(record.train)["precision"] == taken
        assert f"precision: auto takes {taken} on cpu" in log
    _, precision, record = train(WITHOUT, "bf16", seed=9)
    assert (precision, record.precision) == ("bf16", "bf16")
    assert "emulates it" in record.history[0]["notes"][0]
    assert record.as_trained(record.train)["precision"] == "bf16"


def test_a_run_keeps_what_it_began_with(trained, tmp_path):
    train, log = trained
    assert train(WITH, stop=True)[:2] == (75, "bf16")
    status, precision, record = train(WITHOUT)
    assert (status, precision, record.precision) == (0, "bf16", "bf16")
    assert "precision: auto takes bf16 on cpu, with which the run began, not fp32" in log
    assert "emulates it" in log[-2]
    assert not list(tmp_path.rglob(builtin.PRECISION))
    _, precision, record = train(WITHOUT, last=4, first=3, parent=record.id)
    assert (precision, record.precision) == ("bf16", "bf16")


def test_a_segment_that_begins_again_takes_anew(trained, tmp_path):
    train, _ = trained
    train(WITH, stop=True)
    next(tmp_path.glob(f"*.part/{STATE}")).unlink()
    assert train(WITHOUT)[1] == "fp32"


def test_runs_that_took_different_arithmetic_are_named(tmp_path):
    store, runs = SegmentStore(tmp_path), []
    for i, taken in enumerate(["bf16", "fp16", "bf16"]):
        segment = f"{i:016x}-0002"
        settings = {"on_oom": "skip", "precision": "auto"}
        store.part(segment).mkdir(parents=True)
        store.publish(SegmentRecord(segment, "finished", 1, 2, 2, settings, precision=taken))
        runs.append(PlannedRun(f"run{i}", f"c{i}", segments=[segment]))
    found = gather(StudyPlan({"metric": "val/miou"}, "study", [], [], runs), store)["taken_precisions"]
    assert found == [{"precision": "bf16", "runs": ["run0", "run2"]}, {"precision": "fp16", "runs": ["run1"]}]

    def say(path, style="text", how="value"):
        return path

    (said,) = mixed_precisions(found, say)
    assert "taken_precisions[1].runs[0]" in said
    assert "taken_precisions[0].runs[0]" not in said
    assert mixed_precisions(found[:1], say) == []


def test_tf32_is_set_on_purpose_as_torch_has_it():
    before = torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.allow_tf32
    builtin.set_tf32()
    assert (torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.allow_tf32) == before == ("tf32", True)
    assert torch.backends.cuda.matmul.allow_tf32 is False
    assert builtin.describe_device("cpu")["tf32"] is None

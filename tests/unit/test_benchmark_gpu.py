"""The benchmark of a GPU, in tiny sizes on a processor: parts, what is skipped, and fused cells."""

import csv
import sys
import time
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import gpu
import gpu_fused
from gpu_training import TOY, Bench
from torch import nn


def test_a_part_that_fails_ends_no_other_one_and_what_is_skipped_is_said(tmp_path, monkeypatch, capsys):
    def fails(bench):
        yield gpu_fused.single("part", "before", [1.0])
        raise ValueError("of no use")

    monkeypatch.setattr(gpu, "prepared", lambda folder, sizes: {})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(gpu.PARTS, "precision", (fails, 1))
    monkeypatch.setitem(gpu.PARTS, "fused", (lambda bench: iter([gpu_fused.single("part", "after", [2.0])]), 1))
    here = Path.cwd()
    assert gpu.main(["--toy", "--out", str(tmp_path), "--parts", "precision", "syncs", "fused"]) == 0
    with (tmp_path / "gpu_toy.csv").open(newline="") as file:
        assert [row["what"] for row in csv.DictReader(file)] == ["before", "after"]
    said = capsys.readouterr().out
    assert "precision: ValueError: of no use" in said
    assert "host syncs: no GPU to wait for" in said
    assert Path.cwd() == here
    assert gpu.main([]) == 2  # a processor is measured as a smoke test only


def test_parts_share_the_time_that_is_left():
    shares = dict(gpu.budgets(["precision", "studies"], time.perf_counter() + 100))
    assert shares["precision"] == pytest.approx(20, abs=1)  # 2 of 2 + 8
    assert shares["studies"] == pytest.approx(100, abs=1)  # what the first left


def test_fused_cells_learn_what_cells_learn_by_themselves(tmp_path, monkeypatch):
    """Of a network of convolution and batch norm, up to rounding, and with the statistics of the norm."""

    class Cells(gpu_fused.Cells):
        def __init__(self, bench, count, dtype):
            self.device, self.dtype = bench.device, None
            torch.manual_seed(0)
            self.models = [
                nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
                for _ in range(count)
            ]
            images, masks = torch.randn(count, 8, 3, 8, 8), torch.randint(0, 2, (count, 8, 6, 6))
            self.batches = [list(zip(images, masks, strict=True))]

    bench = Bench(TOY, torch.device("cpu"), tmp_path, {})
    alone, fused = Cells(bench, 3, "fp32").one_after_another()(3), Cells(bench, 3, "fp32").fused()(3)
    begin = [model.state_dict() for model in Cells(bench, 3, "fp32").models]
    assert gpu_fused.largest_difference(fused, alone) < 1e-4 < gpu_fused.largest_difference(fused, begin)
    assert gpu_fused.largest_difference(alone, Cells(bench, 3, "fp32").one_after_another()(3)) == 0

"""An experiment: cells of one architecture and batch size trained as one network whose weights are stacked.

`torch.func.vmap` over the cells makes one grouped convolution of those of all cells, as HFTA does by hand (Wang et al.
2021, "Horizontally Fused Training Array", section 3). Statistics of batch norm are stacked like weights, and Adam works
element by element, so a fused step means what the steps of the cells mean; the sums are taken in another order.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from gpu_step import tf32
from gpu_training import DTYPES, Bench, Made, make, resident, seconds_an_image, small, speed
from measuring import Row, compared, interleaved, single
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

PART = "gpu fused"
LR = 1e-3
VOID = 255


class Cells:
    """Cells that differ in their weights and see batches of their own, trained one after another or fused."""

    def __init__(self, bench: Bench, count: int, dtype: str):
        self.device, self.dtype = bench.device, DTYPES.get(dtype)
        description = small(bench.sizes, bench.description)
        made = [make(description | {"seed": seed}, bench.device) for seed in range(count)]
        self.models = [one.model for one in made]
        self.normalize = made[0].loaders.normalize
        self.batches = list(zip(*(self._inputs(one, bench.sizes.resident) for one in made), strict=True))

    def _inputs(self, made: Made, count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(self.normalize(batch["image"]), batch["mask"]) for batch in resident(made, count)]

    def loss(self, call: Callable, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """Cross entropy of a batch of a cell."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            logits = call(images)
        return F.cross_entropy(logits.float(), masks, ignore_index=VOID)

    def one_after_another(self) -> Callable[[int], list[dict[str, torch.Tensor]]]:
        """What trains all cells for some steps, each by itself, and returns their weights and statistics."""
        optimizers = [torch.optim.Adam(model.parameters(), lr=LR) for model in self.models]

        def work(steps: int) -> list[dict[str, torch.Tensor]]:
            for cell, (model, optimizer) in enumerate(zip(self.models, optimizers, strict=True)):
                for number in range(steps):
                    optimizer.zero_grad(set_to_none=True)
                    self.loss(model, *self.batches[number % len(self.batches)][cell]).backward()
                    optimizer.step()
            return [model.state_dict() for model in self.models]

        return work

    def fused(self) -> Callable[[int], list[dict[str, torch.Tensor]]]:
        """The same, all cells in each step."""
        parameters, buffers = stack_module_state(self.models)
        optimizer = torch.optim.Adam(parameters.values(), lr=LR)
        network = self.models[0]
        stacked = [tuple(torch.stack(part) for part in zip(*cells, strict=True)) for cells in self.batches]

        def loss(weights: dict, statistics: dict, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
            return self.loss(lambda x: functional_call(network, (weights, statistics), (x,)), images, masks)

        def work(steps: int) -> list[dict[str, torch.Tensor]]:
            for number in range(steps):
                optimizer.zero_grad(set_to_none=True)
                losses = vmap(loss, randomness="different")(parameters, buffers, *stacked[number % len(stacked)])
                losses.sum().backward()
                optimizer.step()
            return [{name: value[i] for name, value in (parameters | buffers).items()} for i in range(len(self.models))]

        return work


def largest_difference(ours: list[dict[str, torch.Tensor]], theirs: list[dict[str, torch.Tensor]]) -> float:
    """The largest absolute difference of any number of any cell; 0 where all bits are the same."""
    pairs = [(a[name].detach(), b[name]) for a, b in zip(ours, theirs, strict=True) for name in b]
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)


def fused(bench: Bench) -> Iterator[Row]:
    """How far fused cells are from cells trained alone, by dtype, and what fusing them brings."""
    sizes = bench.sizes
    kinds = ("fp32", "TF32", "bf16") if bench.on_gpu else ("fp32", "bf16")
    for kind in kinds:
        if bench.has_time(f"fused, differences in {kind}"):
            with bench.attempt(f"fused, differences in {kind}"), tf32(kind == "TF32"):
                cells = Cells(bench, min(2, max(sizes.cells)), kind)
                for steps in dict.fromkeys((1, sizes.fused_steps)):
                    together = deepcopy(cells).fused()(steps)
                    alone = deepcopy(cells).one_after_another()(steps)
                    again = deepcopy(cells).one_after_another()(steps)
                    row = single(
                        PART,
                        f"fused against alone, {kind}, {steps} steps",
                        [largest_difference(together, alone)],
                        unit="",
                    )
                    row.note = (
                        f"largest difference of a weight or statistic after {steps} steps; alone twice: "
                        f"{largest_difference(again, alone):.3g}"
                    )
                    yield row
    if not bench.on_gpu:
        bench.skip("speed of fused cells", "grouped convolutions of a processor say nothing about a GPU's")
        return
    for kind in ("fp32", "bf16"):
        for count in (count for count in sizes.cells if count > 1):
            what = f"{count} cells fused, {kind}"
            if bench.has_time(what):
                with bench.attempt(what):
                    yield gain(bench, count, kind, what)


def gain(bench: Bench, count: int, kind: str, what: str) -> Row:
    """Seconds an image of fused cells against the same one after another."""
    cells = Cells(bench, count, kind)
    steps = bench.sizes.steps
    images = steps * bench.sizes.small_batch * count
    works = {}
    for name, train in (("one after another", cells.one_after_another()), (what, cells.fused())):
        train(1)  # memory is taken

        def work(train=train) -> int:
            train(steps)
            return images

        works[name] = lambda work=work: seconds_an_image(work, bench.device)
    found = interleaved(works, bench.sizes.rounds)
    note = f"{speed(found[what])} together at batch {bench.sizes.small_batch}"
    return compared(PART, found, ("one after another", what), unit="s/image", note=note)

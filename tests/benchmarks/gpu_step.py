"""The training step alone, on batches that lie on the device: precision, compilation and graphs, determinism."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from gpu_training import Bench, bare, changed, loss_of, make, resident, seconds_an_image, speed, step, wait
from measuring import Row, compared, interleaved

PART = "gpu step"
GRAPH_WARMUP = 3
FAST = {"precision": "bf16", "channels_last": True}
TF32 = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)


@contextmanager
def tf32(wanted: bool) -> Iterator[None]:
    """Multiplications of float32 in TF32, or in full."""
    former = [owner.fp32_precision for owner in TF32]
    for owner in TF32:
        owner.fp32_precision = "tf32" if wanted else "ieee"
    try:
        yield
    finally:
        for owner, value in zip(TF32, former, strict=True):
            owner.fp32_precision = value


def precision(bench: Bench) -> Iterator[Row]:
    """fp32 in full, TF32, fp16 with its scaler and bf16, with both orders of memory."""
    works: dict[str, Callable[[], float]] = {}
    for name, in_tf32, settings in (
        ("fp32", False, {}),
        ("fp32 channels_last", False, {"channels_last": True}),
        ("TF32", True, {}),
        ("TF32 channels_last", True, {"channels_last": True}),
        ("fp16 channels_last", True, FAST | {"precision": "fp16"}),
        ("bf16", True, {"precision": "bf16"}),
        ("bf16 channels_last", True, FAST),
    ):
        if not bench.on_gpu and name.startswith(("TF32", "fp16")):
            bench.skip(name, "no GPU")
            continue
        if works and not bench.has_time(name):
            continue
        with bench.attempt(name), tf32(in_tf32):
            timed = bare(bench, **settings)

            def work(timed=timed, in_tf32=in_tf32) -> float:
                with tf32(in_tf32):
                    return timed()

            works[name] = work
    found = interleaved(works, bench.sizes.rounds)
    for name in list(works)[1:]:
        yield compared(PART, found, ("fp32", name), unit="s/image", note=speed(found[name]))


def compilation(bench: Bench) -> Iterator[Row]:
    """torch.compile and CUDA graphs against eager, at a large and a small batch, with what they cost first."""
    for batch in dict.fromkeys((bench.sizes.batch, bench.sizes.small_batch)):
        if not bench.has_time(f"compilation, batch {batch}"):
            return
        one = changed(bench.description, batch_size=batch)
        works, starts = {"eager": bare(bench, one, **FAST)}, {}
        for name, start in (("CUDA graph", graphed), ("torch.compile", compiled)):
            if name == "CUDA graph" and not bench.on_gpu:
                bench.skip(f"{name}, batch {batch}", "no GPU")
            elif bench.has_time(f"{name}, batch {batch}"):
                with bench.attempt(f"{name}, batch {batch}"):
                    began = time.perf_counter()
                    works[name] = start(bench, one)
                    starts[name] = time.perf_counter() - began
        found = interleaved(works, bench.sizes.rounds)
        for name, cost in starts.items():
            gain = (min(found["eager"]) - min(found[name])) * batch
            even = f"{cost / gain:,.0f} steps" if gain > 0 else "never"
            note = f"{speed(found[name])}; ready after {cost:.1f} s; breaks even after {even}"
            row = compared(PART, found, ("eager", name), unit="s/image", note=note)
            row.what += f", batch {batch}"
            yield row


def compiled(bench: Bench, description: dict) -> Callable[[], float]:
    """A bare training of a compiled network."""
    made = make(description, bench.device, **FAST)
    batches = resident(made, bench.sizes.resident)
    # Without a GPU only that it runs is of interest, not what a compiler makes of it.
    model = torch.compile(made.model, backend="inductor" if bench.on_gpu else "eager")

    def work() -> int:
        for i in range(bench.sizes.steps):
            step(made, batches[i % len(batches)], bench.device, model)
        return bench.sizes.steps * made.settings.batch_size

    for _ in range(2):
        step(made, batches[0], bench.device, model)
    wait(bench.device)
    return lambda: seconds_an_image(work, bench.device)


def graphed(bench: Bench, description: dict) -> Callable[[], float]:
    """A training whose forward, backward and step are recorded once and replayed."""
    device = bench.device
    made = make(description, device, **FAST)
    for group in made.optimizer.param_groups:
        group["capturable"] = True
    batches = resident(made, bench.sizes.resident)
    still = {name: value.clone() if torch.is_tensor(value) else value for name, value in batches[0].items()}
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(GRAPH_WARMUP):
            step(made, still, device)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    made.optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        loss_of(made, still, device).backward()
        made.optimizer.step()

    def work() -> int:
        for i in range(bench.sizes.steps):
            batch = batches[i % len(batches)]
            for name in ("image", "mask"):
                still[name].copy_(batch[name])
            graph.replay()
        return bench.sizes.steps * made.settings.batch_size

    work()
    return lambda: seconds_an_image(work, device)


def determinism(bench: Bench) -> Iterator[Row]:
    """What it costs that results are the same to the bit."""
    works = {
        "any algorithm": bare(bench, **FAST, deterministic=False),
        "deterministic": bare(bench, **FAST, deterministic=True),
    }
    found = interleaved(works, bench.sizes.rounds)
    yield compared(PART, found, ("deterministic", "any algorithm"), unit="s/image", note="1 is free")

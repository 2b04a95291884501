"""Everything about one GPU in a single call of less than ten minutes.

    python tests/benchmarks/gpu.py [--parts precision sharing ...] [--seconds 540] [--data DIR] [--out DIR]
    python tests/benchmarks/gpu.py --toy      a smoke test in small sizes, on the processor where there is no GPU

U-Net with ResNet-18 on images of 256x256 that it draws itself. docs/benchmarks.md says what each part is for, and what
its rows decide. Rows are written to gpu.csv as they come; what is skipped is said with its reason.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# cuBLAS needs it for deterministic sums, and reads it when the GPU is first used.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import measuring
import torch
from gpu_epoch import epochs, syncs
from gpu_fused import fused
from gpu_sharing import sharing
from gpu_step import compilation, determinism, precision
from gpu_studies import studies
from gpu_training import TOY, Bench, Sizes, prepared
from measuring import Row

# In the order in which they are worth having, with their shares of the time.
PARTS: dict[str, tuple[Callable[[Bench], Iterator[Row]], float]] = {
    "precision": (precision, 2),
    "epochs": (epochs, 3),
    "syncs": (syncs, 1.5),
    "sharing": (sharing, 3),
    "compilation": (compilation, 3),
    "determinism": (determinism, 1),
    "fused": (fused, 2.5),
    "studies": (studies, 8),
}


def main(argv: list[str] | None = None) -> int:
    """Run the parts, each in its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=measuring.RESULTS, help="folder of gpu.csv")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=540.0, help="that all parts may take together")
    parser.add_argument("--data", type=Path, help="folder with camvid and em_membrane; else images are drawn")
    parser.add_argument(
        "--toy", action="store_true", help="a smoke test in small sizes, on the processor where there is no GPU"
    )
    options = parser.parse_args(argv)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.toy:
        print("There is no GPU here; --toy runs everything as a smoke test on the processor.", file=sys.stderr)
        return 2
    sizes = TOY if options.toy else Sizes()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {measuring.machine()}", flush=True)
    target = options.out.resolve() / ("gpu_toy.csv" if options.toy else "gpu.csv")
    began, former = time.perf_counter(), Path.cwd()
    data = options.data.resolve() if options.data else None
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sizes, device, Path(folder), prepared(Path(folder), sizes), data, options.toy)
        try:
            for part, seconds in budgets(options.parts, began + options.seconds):
                bench.until = time.perf_counter() + seconds
                with bench.attempt(part):
                    for row in PARTS[part][0](bench):
                        rows.append(row)
                        measuring.write(rows, target)
                gc.collect()
                if bench.on_gpu:
                    torch.cuda.empty_cache()  # other processes share it in the parts that follow
                print(f"{time.perf_counter() - began:5.0f} s  {part}", flush=True)
        finally:
            os.chdir(former)
    print(measuring.table(rows))
    print("Skipped: " + ("\n         ".join(bench.skipped) or "nothing"))
    return 0


def budgets(parts: list[str], until: float) -> Iterator[tuple[str, float]]:
    """Each part with the seconds that it may take: its share of what is left when its turn comes."""
    for number, part in enumerate(parts):
        weights = [PARTS[one][1] for one in parts[number:]]
        yield part, max(0.0, until - time.perf_counter()) * weights[0] / sum(weights)


if __name__ == "__main__":
    sys.exit(main())

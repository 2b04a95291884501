"""Look whether torch can use the device that trainings ask for, before the first of them."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.io import write_text


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, look, write which device it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", required=True, help="auto, cuda, cuda:1")
    parser.add_argument("--output", type=Path, required=True, help="file to write, with the device")
    options = parser.parse_args(argv)

    from segsweep.execution.cuda import torch_device  # imports torch

    write_text(options.output, f"{torch_device(options.device)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

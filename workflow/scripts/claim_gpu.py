#!/usr/bin/env python
"""Run a command that sees one GPU only: the one with most free memory, claimed until the command ends."""

import argparse
import os
import sys

from segsweep.execution.gpus import claim, list_gpus, visible
from segsweep.exits import WRONG_INPUT


def main(argv: list[str] | None = None) -> int:
    """Does not return where the command can be started: this process becomes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, required=True, help="MB to claim")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(argv)
    try:
        claimed = claim(options.memory, gpus=lambda: visible(list_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES")))
    except PermissionError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    if claimed:
        os.environ["CUDA_VISIBLE_DEVICES"] = claimed[0].uuid
        # Numbers as in nvidia-smi, should a program ask for one.
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    sys.exit(main())

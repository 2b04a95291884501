#!/usr/bin/env python
"""Run a program of this folder in a process that has its imports done already; where none can be had, in this one."""

import argparse
import sys
from importlib import import_module

from segsweep.execution.warm_client import run_warm


def main(argv: list[str] | None = None) -> int:
    """The program's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--if-there", action="store_true", help="start no such process")
    parser.add_argument("program", help="without .py: prepare_data")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of the program")
    arguments = parser.parse_args(argv)
    status = run_warm(arguments.program, arguments.options, start=not arguments.if_there)
    return import_module(arguments.program).main(arguments.options) if status is None else status


if __name__ == "__main__":
    sys.exit(main())

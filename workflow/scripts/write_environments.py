"""Write envs/*.yaml, for `snakemake --sdm conda`, from envs/requirements.lock: the same versions."""

import argparse
import re
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=Path, default=Path("envs"))
    arguments = parser.parse_args(argv)
    lock = (arguments.envs / "requirements.lock").read_text(encoding="utf-8")
    (arguments.envs / "segsweep.yaml").write_text(environment(lock), encoding="utf-8")
    return 0


def environment(lock: str) -> str:
    """A conda environment that installs what the lock pins."""
    pinned = [line.strip() for line in lock.splitlines() if re.match(r"^[A-Za-z0-9]", line)]
    lines = [
        "# Generated from requirements.lock by `make lock`: the same versions.",
        "channels: [conda-forge]",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
    ]
    return "\n".join([*lines, *(f"      - {one}" if ";" not in one else f'      - "{one}"' for one in pinned)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())

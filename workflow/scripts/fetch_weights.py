"""Fetch named encoder weights into the cache that trainings read."""

import argparse
import sys
from pathlib import Path

from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.io import write_text
from segsweep.planning.encoder_weights import RECORDS, in_words, record


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, fetch, write which files they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="+", help="encoder and weights: resnet18=imagenet")
    parser.add_argument("--records", type=Path, default=RECORDS, help="folder of the notes on what was fetched")
    parser.add_argument("--output", type=Path, help="file to write, a line for each file of weights")
    arguments = parser.parse_args(argv)
    from segsweep.models.hub_weights import fetch  # imports torch

    wanted = [(encoder, weights) for encoder, _, weights in (text.partition("=") for text in arguments.weights)]
    found, problems = fetch(wanted)
    lines = []
    for one, files in found.items():
        record(one, files, arguments.records)
        lines += [f"{in_words([one])}: {file}\n" for file in files]
    print("".join(lines), end="")
    if problems:
        raise InputError(*problems)
    if arguments.output:
        write_text(arguments.output, "".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

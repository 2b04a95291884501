"""Pass a study on to trackers of experiments (TensorBoard, MLflow, Weights & Biases): as it is, or while it trains."""

import argparse
import logging
import os
import select
import sys
from pathlib import Path

from segsweep import registry
from segsweep.config.load import load, requested
from segsweep.errors import InputError
from segsweep.exits import CRASHED, program
from segsweep.planning.worker_view import RESULTS
from segsweep.store.segment_store import STORE
from segsweep.tracking.following import Follower


@program
def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 all passed on; 1 some could not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", help="name or path; config/config.yaml's if not given")
    parser.add_argument("--results", type=Path, help="the study's folder of results, in place of --study")
    parser.add_argument("--store", type=Path, default=STORE, help="folder of trained segments")
    parser.add_argument("--exporters", help="names of trackers, as mlflow,wandb; config/config.yaml's if not given")
    parser.add_argument("--follow", action="store_true", help="pass on what follows as well, until the input ends")
    parser.add_argument("options", nargs="*", help="as behind --config: dataset=camvid smoke=true")
    arguments = parser.parse_args(argv)
    words = [word for word in arguments.options if "=" in word]
    words += [f"exporters={arguments.exporters}"] if arguments.exporters else []
    request = requested(arguments.study, words)
    if not request.exporters:
        raise InputError(
            "no tracker is named: say EXPORTERS=NAME, or `exporters: [NAME]` in config/config.yaml. There are "
            f"{', '.join(registry.classes('tracker'))}."
        )
    results = arguments.results or RESULTS / load(request).name
    done = [
        Follower(name, results, arguments.store, say=_say, environ=os.environ).follow(
            _input_ends if arguments.follow else lambda seconds: True
        )
        for name in request.exporters
    ]
    return 0 if all(done) else CRASHED


def _input_ends(seconds: float) -> bool:
    """Wait up to so many seconds for the end of the input; whether it has come."""
    return bool(select.select([sys.stdin], [], [], seconds)[0]) and not sys.stdin.read(1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    logging.raiseExceptions = False  # a library's own log on a full disk: what went wrong is said in a line
    sys.exit(main())

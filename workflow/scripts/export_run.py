"""Write a trained run as one plain script, which trains it again without segsweep.

python workflow/scripts/export_run.py RUN --script train_run.py --study NAME_OR_PATH [smoke=true]
"""

import argparse
import sys
from pathlib import Path

from segsweep.config.load import load, requested
from segsweep.errors import InputError
from segsweep.exits import DONE, program
from segsweep.io import write_text
from segsweep.planning.plan_file import PLAN_FILE, open_plan
from segsweep.planning.worker_view import RESULTS
from segsweep.store.segment_store import STORE, SegmentStore


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="name of the run in the study's runs.csv")
    parser.add_argument("options", nargs="*", help="as behind --config: dataset=camvid smoke=true")
    parser.add_argument("--script", type=Path, required=True, help="file to write: train_run.py")
    parser.add_argument("--study", help="name or path; config/config.yaml's if not given")
    arguments = parser.parse_intermixed_args(argv)  # words may stand behind options
    if arguments.script.exists():
        raise InputError(f"{arguments.script} is there already. Remove it, or choose another file with --script.")
    # `make` gives all programs the same words, those for Snakemake itself among them.
    loaded = load(requested(arguments.study, [word for word in arguments.options if "=" in word]))
    plan = open_plan(RESULTS / loaded.name / PLAN_FILE)

    # What follows takes seconds to import.
    from segsweep.plain_script.script import script_of
    from segsweep.plain_script.trained_run import read_trained_run

    run = read_trained_run(plan, arguments.run, SegmentStore(STORE))
    text = script_of(run, arguments.script.name)
    try:
        write_text(arguments.script, text)
    except OSError as error:
        raise InputError(
            f"{arguments.script}: cannot be written ({error.strerror}). Choose another file with --script."
        ) from error
    print(f"{arguments.script}: the run {run.run} of {run.study}. Train it: python {arguments.script}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())

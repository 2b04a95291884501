# Needs: config. Makes: STUDY, and the functions that the rules use. Nothing here imports torch or pandas.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from segsweep.study.announcement import announce
from segsweep.study.controller import open_study
from segsweep.study.settings import InputError

# What a job needs that its command line does not say.
ENVIRONMENT = "NO_ALBUMENTATIONS_UPDATE=1 PYTHONDONTWRITEBYTECODE=1"

try:
    # The process that was started by hand plans; the jobs that it starts read its plan.
    STUDY = open_study(config, plans=workflow.is_main_process)
    if workflow.is_main_process:
        announce(STUDY, logger.info)
except InputError as error:
    raise WorkflowError("\n".join(error.complaints)) from None


wildcard_constraints:
    data=r"[^/]+",
    segment=r"[0-9a-f]{16}-\d{4}",
    step=r"\d{3}",


def prepared_data_of(wildcards):
    """The prepared pictures that a segment is trained on."""
    return f"{STUDY.segment(wildcards.segment)['data']}/manifest.json"


def marker_of_parent(wildcards):
    """The marker of the segment that a segment goes on from."""
    parent = STUDY.segment(wildcards.segment)["parent"]
    return marker(parent) if parent else []


def marker(segment):
    """What Snakemake sees of a trained segment."""
    return f"results/markers/{segment}"


def segment_in_words(wildcards):
    """What a training job is about, for people."""
    return STUDY.in_words(wildcards.segment) if workflow.is_main_process else wildcards.segment


def markers_of_step(wildcards):
    """What a decision looks at: the runs that the one before it asked for, or the study's own."""
    number = int(wildcards.step)
    segments = STUDY.segments_of(wanted_by(number - 1)) if number else STUDY.segments_of_study()
    return [marker(segment) for segment in segments]


def previous_step(wildcards):
    """The decision before a decision."""
    number = int(wildcards.step)
    return checkpoints.decide_step.get(step=f"{number - 1:03d}").output[0] if number else []


def previous_or_none(wildcards, input):
    """The decision before a decision, for the command line."""
    return input.previous or "none"


def wanted_by(number):
    """The runs that a decision asked for; they are part of the plan afterwards."""
    decision = checkpoints.decide_step.get(step=f"{number:03d}").output[0]
    return STUDY.read_step(decision)


def all_markers(wildcards):
    """All that a finished study consists of; what there is of it already, with `partial=true`."""
    if STUDY.request.partial:
        return []
    segments = STUDY.segments_of_study()
    if STUDY.adaptive:
        number = 0
        while not STUDY.is_last(checkpoints.decide_step.get(step=f"{number:03d}").output[0]):
            segments += STUDY.segments_of(wanted_by(number))
            number += 1
    return [marker(segment) for segment in dict.fromkeys(segments)]

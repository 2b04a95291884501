# Needs: config, SCRIPTS. Makes: STUDY, and what all rules use. Nothing here imports torch or pandas.
import atexit
import gc
import os
import sys
from functools import partial
from inspect import signature
from pathlib import Path
from shlex import quote

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import DeploymentMethod

from segsweep.config.container_image import container_image
from segsweep.config.snakemake_config import as_written
from segsweep.errors import InputError
from segsweep.execution.mps import MultiProcessService
from segsweep.planning import markers
from segsweep.planning.announcement import announce
from segsweep.planning.data_fingerprint import tracking_file
from segsweep.planning.interruption import stop_as_ever, stop_in_a_line
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.planning.results_files import lacks_figures, lacks_images, was_pulled
from segsweep.planning.scheduler_looks import look_again_where_limited
from segsweep.planning.stale_lock import about_stale_lock
from segsweep.snakemake_report import table_in_words
from segsweep.store.segment_store import STORE
from segsweep.tables import outputs
from segsweep.tracking.beside_training import TrackersBesideTraining

if workflow.modifier.path_modifier.replace_prefix("results/x") != "results/x":
    raise WorkflowError(
        "segsweep writes into `results` of the working folder, also without a job of Snakemake: leave `prefix` and "
        "`replace_prefix` out of the module statement, and run it in a folder of its own (`--directory`, or `workdir:`)."
    )

# The process that was started by hand plans; the jobs that it starts on nodes read its plan.
PLANS = workflow.is_main_process
# Starts that only list or draw something; the data that is to be trained on need not be here for them.
LOOKS = {"--list", "-l", "--list-rules", "--list-target-rules", "--lt", "--lint", "--dag", "--rulegraph", "--unlock"}
PULLS = PLANS and not workflow.output_settings.dryrun and not LOOKS & set(sys.argv)
# Of a workflow that takes this one as a module, Snakemake calls other hooks, and with --no-hooks none.
HOOKED = workflow.modifier.is_main_snakefile()
# The plan lives as long as this process, and so do Snakemake's jobs: of a dry run of 10,000 cells, a third went into
# looking through them for garbage over and over. `begin` ends that, once all are there. Nor is Python to look when it
# ends: what they hold is memory alone.
gc.disable()
atexit.register(gc.freeze)


def look_for_garbage():
    """Has Python do so from now on, among what is new."""
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


DEPLOYED = workflow.deployment_settings.deployment_method
IN_CONTAINER = DeploymentMethod.APPTAINER in DEPLOYED
look_again_where_limited(JobScheduler)
if PLANS:
    stop_in_a_line()
try:
    STUDY = open_study(as_written(config, workflow.configfiles), plans=PLANS, pull=PULLS)
    IMAGE = container_image(STUDY.request.container) if IN_CONTAINER else None
    if PLANS:
        announce(STUDY, logger.info)
        if PULLS and (locked := about_stale_lock(STUDY.request.study)):
            logger.warning(locked)
        WRITER = PlanWriter(STUDY)
except InputError as error:
    raise WorkflowError("\n".join(error.problems)) from None
if not HOOKED:
    look_for_garbage()

ON_CLUSTER = STUDY.request.cluster is not None
TABLE = STUDY.study.table is not None
PROGRAM = STUDY.study.command is not None
# Of results made elsewhere and of programs of a person's own nobody knows the images.
HAS_IMAGES = not TABLE and not PROGRAM
FOLDER = STUDY.folder
# The exported model, and the report in other forms: folders to hand on.
MODEL = FOLDER / "model"
EXPORT = FOLDER / "export"
# The trials of a sweep for optuna-dashboard.
OPTUNA_JOURNAL = f"{FOLDER}/sweep/optuna_journal.log"
# This start of Snakemake; see `segsweep.planning.markers`. A job on a node learns it from the path that it is to make;
# elsewhere it is part of the rules, as a wildcard costs time and memory for each of ten thousand jobs.
if PLANS:
    markers.pass_on(STUDY.start, os.environ)
START = "{start}" if ON_CLUSTER else markers.passed_on(os.environ) or "{start}"
MARKER = f"results/markers/{START}/{{segment}}"
OUTCOME = f"results/outcomes/{START}/{{segment}}"
# What Snakemake sees of a training: that it is in the store, or how its job ended.
TRAINED = temp(OUTCOME) if STUDY.records_failures else MARKER
# Counted where Snakemake was started; a job that tried again by itself could not ask for more memory.
RETRIES = STUDY.request.cluster.retries if ON_CLUSTER and PLANS else 0
# What a program loads, no process can have loaded for it. A container ends with its job.
WARM = HAS_IMAGES and (not ON_CLUSTER and not IN_CONTAINER if STUDY.request.warm is None else STUDY.request.warm)
PACK_OPTIONS = " ".join(["--record-failures"] + ["--requeue"] * ON_CLUSTER + ["--mps"] * STUDY.request.mps)
TRAINING_OPTIONS = " ".join(
    ["--warm"] * WARM + ["--record-failures"] * STUDY.records_failures + ["--requeue"] * ON_CLUSTER
)
# Of a study of which not all is there, tables and report say what is missing.
PARTIAL = "--partial" if STUDY.request.partial and STUDY.coverage != "all" else ""
# The .dvc file of the study's data set, if it has one.
TRACKED = tracking_file(STUDY.loaded.dataset, STUDY.loaded.root)
# How a program of workflow/scripts is started. Its memory lies in large pages, and what a step of a training lets go is
# kept for the next one: on a processor, steps take up to a fifth less. Whoever has chosen otherwise, has.
ALLOCATION = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912"
ALLOCATION = quote(os.environ.get("GLIBC_TUNABLES", ALLOCATION))
# The Python that runs Snakemake, whatever a node's PATH finds first; with `--sdm`, the one of the deployed environment.
PYTHON = "python" if DEPLOYED else quote(sys.executable)
RUN = f"env NO_ALBUMENTATIONS_UPDATE=1 GLIBC_TUNABLES={ALLOCATION} {PYTHON} {quote(os.path.relpath(SCRIPTS))}"


def warm(program):
    """How a program is started that needs a network: the process that trainings are forked from has done its imports."""
    return f"{RUN}/run_warm.py {program}" if WARM else f"{RUN}/{program}.py"


def warm_if_there(program):
    """How a program is started that imports less, for which alone that process is not started."""
    return f"{RUN}/run_warm.py --if-there {program}" if WARM else f"{RUN}/{program}.py"


def write_plan(write):
    """Writes down what jobs read; says itself what hinders it, in place of which Snakemake would show its own words."""
    try:
        write()
    except InputError as error:
        logger.error("\n".join(error.problems))
        raise WorkflowError("the plan cannot be written") from None


if PLANS:
    TRACKERS = TrackersBesideTraining([] if TABLE else STUDY.request.exporters, FOLDER, STORE, logger.warning)
    MPS = MultiProcessService(os.environ, logger.info)
    PENDING = {
        "decisions": not STUDY.nothing_left_to_decide,
        "images": lacks_images(FOLDER),
        "figures": lacks_figures(FOLDER),
        "tables": was_pulled(FOLDER / "runs.csv") or STUDY.goes_on_after_budget,
        "model": (FOLDER / "model.txt").is_file() and not MODEL.is_dir(),
        "export": (FOLDER / "export.txt").is_file() and not EXPORT.is_dir(),
    }
    if any(PENDING.values()):
        write_plan(partial(markers.show_pending, STUDY.start))


def shown_outputs(rule):
    """What a rule makes, its main tables marked for Snakemake's own report."""
    made = outputs(rule, FOLDER)
    for name, path in made.items():
        if words := table_in_words(Path(path).name):
            labels = {"table": name, "a row": words}
            made[name] = report(path, caption="../report/table.rst", category="Tables", labels=labels)
    return made


def begin():
    """What comes before the first job."""
    look_for_garbage()
    write_plan(WRITER.start)
    stop_as_ever()
    TRACKERS.start()
    if STUDY.request.mps and STUDY.request.claim_gpu:
        MPS.start()


def finish():
    """What comes after the last job, however it ended."""
    WRITER.finish()
    TRACKERS.finish()
    MPS.stop()


onstart:
    begin()


onsuccess:
    finish()


onerror:
    finish()


wildcard_constraints:
    batch=r"\d+|last",
    data=r"[^/]+",
    model=r"[0-9a-f]{12,16}",
    pack=r"[0-9a-f]{12}",
    run=r"[^/.]+",
    segment=r"[0-9a-f]{16}-\d{4}",
    split=r"\w+",
    start=r"\d{8}-\d{6}-\d+",
    step=r"\d{3}",


def start_of(wildcards):
    """The start of Snakemake that waits for a job."""
    return wildcards.get("start", START)


def of_each_job(function):
    """Keeps a function's signature, which Snakemake asks for some twenty times for each job."""
    function.__signature__ = signature(function)
    return function


def untracked(value):
    """A parameter because of which no job runs again: Snakemake takes what a function makes of a job's input for that."""

    def of_job(wildcards, input):
        return value

    return of_job


# What jobs depend on besides files. They run again when it changes (`rerun-triggers` in profiles/default/config.yaml).


def plan_digest(wildcards):
    """Stands for the plan, as far as decisions have made it."""
    return STUDY.plan_digest


def ensemble_digest(wildcards):
    """Stands for the models of the ensemble, and how they decide."""
    return STUDY.ensemble_digest


def test_digest(wildcards):
    """Stands for the models that are scored on the test split besides those of the ranking, its images, and what is
    asked for."""
    return STUDY.test_digest

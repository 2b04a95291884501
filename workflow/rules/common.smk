# Needs: config. Makes: STUDY, and what the rules use. Nothing here imports torch or pandas.
import atexit
import gc
import os
import sys
import tarfile
import tempfile
from contextlib import suppress
from functools import cache, partial
from itertools import count
from inspect import signature
from pathlib import Path
from shlex import quote

from snakemake.exceptions import IncompleteCheckpointException, WorkflowError
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.enums import RerunTrigger
from snakemake.settings.types import DeploymentMethod
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile


def workflow_folder(rules):
    """The folder `workflow`, with all its files.

    Of a workflow in a Git repository (`github(...)`, `gitlab(...)`, `git+file:...`) Snakemake fetches the files one by
    one that Snakefiles name. Programs import hundreds of others, so the commit is unpacked beside Snakemake's copies, once.
    """
    if isinstance(rules, LocalSourceFile):
        return Path(str(rules)).parent
    if not isinstance(rules, (HostingProviderFile, LocalGitFile)):
        raise WorkflowError(
            f"{rules}: segsweep consists of more than Snakefiles. Name a folder that holds all of it, or a Git "
            "repository: github(...), gitlab(...), git+file:///..."
        )
    # Takes 65 ms to import, which each job would pay that parses this file.
    from git import Repo

    repository = Repo(rules.repo_path) if isinstance(rules, LocalGitFile) else rules.hosted_repo.repo
    commit = repository.commit(rules.ref).hexsha
    inside = Path(rules.path).parent
    target = workflow.sourcecache.cache_path / "segsweep" / commit
    if not target.exists():
        unpack_commit(repository, commit, inside.parent, target)
    return target / inside


def unpack_commit(repository, commit, project, target):
    """Writes what belongs to the workflow in a commit into a folder, at once; another process may do the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unpacked, packed = Path(folder, commit), Path(folder, "commit.tar")
        parts = [str(project / part) for part in ("workflow", "config", "envs", "profiles")]
        repository.git.archive(commit, *parts, format="tar", output=str(packed))
        with tarfile.open(packed) as files:
            files.extraction_filter = getattr(tarfile, "data_filter", None)  # of Python 3.11.4 and later
            files.extractall(unpacked)
        with suppress(OSError):  # it is there by now
            unpacked.rename(target)


SCRIPTS = workflow_folder(workflow.current_basedir) / "scripts"
sys.path.insert(0, str(SCRIPTS))

from segsweep.config.container_image import container_image
from segsweep.config.snakemake_config import as_written
from segsweep.errors import InputError
from segsweep.execution.mps import MultiProcessService
from segsweep.planning import markers
from segsweep.planning.announcement import announce
from segsweep.planning.data_fingerprint import tracking_file
from segsweep.planning.interruption import stop_as_ever, stop_in_a_line
from segsweep.planning.job_requests import request_of, side_by_side
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.planning.results_files import TEST_LOOKS, lacks_figures, lacks_images, was_pulled
from segsweep.planning.scheduler_looks import look_again_where_limited
from segsweep.planning.stale_lock import about_stale_lock
from segsweep.search.step_files import awaited
from segsweep.snakemake_report import figure_labels, table_in_words
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
# The plan lives as long as this process, and so do Snakemake's jobs: of a dry run of 10,000 cells, a third went into
# looking through them for garbage over and over.
gc.disable()
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
gc.freeze()
gc.set_threshold(20_000)
gc.enable()

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


# Of a workflow that takes this one as a module, Snakemake calls other hooks, and with --no-hooks none.
HOOKED = workflow.modifier.is_main_snakefile()


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


@of_each_job
def needed_by_segment(wildcards):
    """What a segment needs to be trained; nothing where it is trained already.

    Images that are prepared again for others must not train it again.
    """
    return [] if STUDY.is_trained(wildcards.segment) else needed_by([wildcards.segment], start_of(wildcards))


def needed_by_missing():
    """What all missing segments need, where it is the same for all: a function asked for each takes Snakemake longer."""
    if not PLANS or STUDY.adaptive:
        return needed_by_segment
    if STUDY.may_lose_weights and any(one.parent for one in STUDY.cut.segments.values()):
        return needed_by_segment
    segments = {(one.data, one.parent): one.id for one in map(STUDY.segment, STUDY.missing())}
    needed = {tuple(needed_by([segment], STUDY.start)) for segment in segments.values()}
    return list(needed.pop()) if len(needed) == 1 else needed_by_segment


def needed_by_pack(wildcards):
    """What the segments of a pack need that the pack does not make."""
    return needed_by(STUDY.packs[wildcards.pack], start_of(wildcards))


def needed_by(segments, start):
    """The prepared images that segments are trained on in one job, what is tried on them before, and the segments that
    they continue."""
    plans = [STUDY.segment(segment) for segment in segments]
    data = [f"{one.data}/manifest.json" for one in plans if one.data]
    # Images that are not prepared yet wait for it themselves; each further file costs Snakemake time for each job.
    if any(map(os.path.exists, data)):
        data += left_to_try()
    data += weights_fetched(start)
    if STUDY.has_own_components:
        data += [f"{FOLDER}/checks/{Path(one.data).name}.{STUDY.own_code_digest}.txt" for one in plans]
    parents = [one.parent for one in plans if one.parent and one.parent not in segments]
    return list(dict.fromkeys([*data, *markers_to_make(parents, start)]))


def weights_fetched(start):
    """What says that encoder weights are in the cache, where some are not."""
    return [markers.weights(start)] if STUDY.weights_to_fetch else []


def left_to_try():
    """What is seen of the settings that are tried first, where it was not seen yet; and at each start, of a GPU here."""
    device = [markers.device(STUDY.start)] if STUDY.asks_for_gpu_here else []
    return device + ([str(STUDY.checked_file)] if STUDY.tried and not STUDY.checked_file.exists() else [])


def tried_before_preparing(wildcards):
    """What is tried before images are prepared; nothing where they are: Snakemake would prepare them again."""
    return [] if os.path.exists(f"results/data/{wildcards.data}/manifest.json") else left_to_try()


def markers_to_make(segments, start):
    """What Snakemake waits for until segments are trained: a job for each that is trained already would cost it time.

    Nor is there one for what the study's budget leaves out from the start.
    """
    return [markers.marker(start, segment) for segment in segments if not STUDY.is_settled(segment)]


def outcome_of(wildcards):
    """Where the job of a segment wrote down how its training ended: a file, or its pack's folder of such files."""
    return markers.outcome(start_of(wildcards), STUDY.packed.get(wildcards.segment, wildcards.segment))


def own_outcome(wildcards, input):
    """The file about a segment itself: empty if its training went well."""
    return f"{input.outcome}/{wildcards.segment}" if wildcards.segment in STUDY.packed else input.outcome


def segments_of_pack(wildcards):
    """Ids of the segments of a pack."""
    return STUDY.packs[wildcards.pack]


def plans_of_pack(wildcards):
    """The plans of the segments of a pack."""
    return [STUDY.segment(segment) for segment in segments_of_pack(wildcards)]


@of_each_job
def memory_of(wildcards, attempt):
    """Main memory of a training, MB."""
    return STUDY.resources.memory_mb(STUDY.segment(wildcards.segment), attempt)


@of_each_job
def cpus_of(wildcards):
    """Processors of a training's job; how many threads compute does not depend on it."""
    return STUDY.resources.cpus(STUDY.segment(wildcards.segment))


def device_memory_of(wildcards):
    """Memory on the GPU of a training, MB."""
    return STUDY.resources.device_mb(STUDY.segment(wildcards.segment))


@of_each_job
def runtime_of(wildcards, attempt):
    """Run time that a training asks for, minutes."""
    return STUDY.resources.runtime_min(STUDY.segment(wildcards.segment), attempt)


# What claims one of this machine's GPUs before the command of a training.
CLAIM = f"{RUN}/claim_gpu.py --memory {{resources.gpu_mb}} -- " if STUDY.request.claim_gpu else ""
# What trains a segment, but for what differs between segments. Parts of a shell's text, in which Snakemake fills in what
# stands in braces; parameters it would fill in for each of ten thousand jobs when it looks at them.
TRAIN = (
    f"{RUN}/train_segment.py {TRAINING_OPTIONS} --plan {quote(str(STUDY.plan_file))} --store results/segments "
    f"--device {quote(str(STUDY.device))}"
)


def request_of_pack(wildcards, attempt):
    """What the job of a pack asks for."""
    return request_of(plans_of_pack(wildcards), STUDY.resources, STUDY.request.pack_at_once, attempt)


def memory_of_pack(wildcards, attempt):
    """Main memory of a pack, MB."""
    return request_of_pack(wildcards, attempt).memory_mb


def cpus_of_pack(wildcards, attempt):
    """Processors of a pack's job."""
    return request_of_pack(wildcards, attempt).cpus


def device_memory_of_pack(wildcards):
    """Memory on the GPU of a pack, MB."""
    return side_by_side(map(STUDY.resources.device_mb, plans_of_pack(wildcards)), STUDY.request.pack_at_once)


def runtime_of_pack(wildcards, attempt):
    """Run time that a pack asks for, minutes: all of its segments one after the other, so many at once."""
    return request_of_pack(wildcards, attempt).runtime_min


class SegmentsInWords(dict):
    """What training jobs are about, for people: a message asks when it is shown, `{params.words:SEGMENT}`.

    A function would be asked for each job that Snakemake looks at, and what is no parameter is not found where another
    workflow takes this one as a module.
    """

    def __format__(self, segment):
        return STUDY.in_words(segment) if PLANS else segment


def markers_of_step(wildcards):
    """What a decision looks at: the runs that the one before it asked for, or the study's own."""
    number = int(wildcards.step)
    segments = STUDY.segments_of(awaited(decision(number - 1))) if number else STUDY.segments_of_study()
    return markers_to_make(segments, STUDY.start)


def costs_of_step(wildcards):
    """What a decision looks at besides: the costs of these runs' models, where they are objectives."""
    number = int(wildcards.step)
    if number:
        return STUDY.models_of(STUDY.cells_of(awaited(decision(number - 1))))
    return STUDY.models_of(run.cell for run in STUDY.plan.runs if not run.key)


def all_costs(wildcards):
    """The costs of all models of a finished study, where it names such; with `partial=true` those that there are."""
    if TABLE or not PLANS or STUDY.request.partial:
        return []
    all_steps(wildcards)
    return STUDY.models_of(cell.cell for cell in STUDY.plan.cells)


def data_of_model(wildcards):
    """The prepared images of a model that is measured."""
    return f"{STUDY.data_of_model(wildcards.model)}/manifest.json"


def previous_step(wildcards):
    """The decision before a decision."""
    number = int(wildcards.step)
    return checkpoints.decide_step.get(step=f"{number - 1:03d}").output[0] if number else []


def previous_or_none(wildcards, input):
    """The decision before a decision, for the command line."""
    return input.previous or "none"


def pending_decision(wildcards):
    """What makes Snakemake take a decision that lacks or no longer holds; see `markers.pending_file`."""
    return str(markers.pending_file(STUDY.start)) if PLANS and STUDY.is_left_to_decide(int(wildcards.step)) else []


def pending(kind):
    """What makes Snakemake make files again though they are there: images or figures of which one was lost, tables that
    were pulled."""
    return str(markers.pending_file(STUDY.start)) if PLANS and PENDING[kind] else []


@cache
def decision(number):
    """A decision; the runs that it asks for are part of the plan afterwards."""
    file = checkpoints.decide_step.get(step=f"{number:03d}").output[0]
    try:
        state, new = STUDY.read_step(file)
    except InputError as error:  # Snakemake would show its own words in place of these
        logger.error("\n".join(error.problems))
        raise WorkflowError(f"{file} asks for runs that cannot be planned") from None
    if new:
        write_plan(WRITER.write)
    for run, segment in zip(state["requested"], STUDY.segments_of(state["requested"]), strict=True):
        if "due" in run:
            TURNS.setdefault(segment, LAST_TURN - run["due"])
    return state


def decisions_so_far():
    """The decisions that are made and hold, up to the last one that is made."""
    for number in count():
        try:
            yield decision(number)
        except IncompleteCheckpointException:
            return


def all_markers(wildcards):
    """All that a finished study still lacks; nothing with `partial=true`, which takes what there is.

    A job on a node need not look: it was sent when all was there, and it cannot follow the decisions.
    """
    if TABLE or not PLANS:
        return []
    begin_without_hooks()
    if STUDY.request.partial:
        return []
    all_steps(wildcards)
    return markers_under_way(wildcards)


def markers_under_way(wildcards):
    """What the study and its decisions so far ask for: it trains while the next decision waits for a part of it."""
    if TABLE or not PLANS or STUDY.request.partial:
        return []
    segments = STUDY.segments_of_study()
    for one in decisions_so_far():
        segments += STUDY.segments_of(one["requested"])
    return markers_to_make(dict.fromkeys(segments), STUDY.start)


# What rules wait for that look at a finished study. Of a study whose decisions are not all made, Snakemake takes what the
# second one names until the first one can be told.
ALL_TRAINED = {"markers": ancient(all_markers)}
if STUDY.adaptive:
    ALL_TRAINED["under_way"] = ancient(markers_under_way)


@cache
def look_at_triggers():
    """Says what other triggers than those of profiles/default lead to: that profile is that of the workflow around."""
    if RerunTrigger.INPUT in workflow.rerun_triggers:
        logger.warning(
            "Tables and report are made again at each start, as Snakemake compares lists of inputs, and what is trained "
            "is none. `rerun-triggers: [mtime, params]` in profiles/default/config.yaml of this folder ends that."
        )


def begin_without_hooks():
    """Leaves a plan to look at where there is none; and does what hooks do where Snakemake calls none."""
    write_plan(WRITER.write_first)
    look_at_triggers()
    settings = workflow.execution_settings  # none where nothing is executed, as with --dag
    if settings and not workflow.dryrun and (settings.no_hooks or not HOOKED) and not WRITER.started:
        begin()
        atexit.register(finish)


def weights_of_best(wildcards):
    """What this start's ranking wants trained again: the weights of a setting that was none of the best before."""
    if not PLANS or not STUDY.may_lose_weights:
        return []
    checkpoints.find_lost_weights.get(start=STUDY.start)
    return markers_to_make(lost_weights(), STUDY.start)


@cache
def lost_weights():
    """The segments that train again because of the ranking; they are part of the plan afterwards."""
    lost = STUDY.take_in_ranking()
    if lost:
        write_plan(WRITER.write)
    for segment in lost:
        logger.info(f"{STUDY.in_words(segment)}: {STUDY.why(segment)}")
    return lost


def segments_of_run(wildcards):
    """The segments of a run."""
    return STUDY.plan.run_named(wildcards.run).segments


def markers_of_run(wildcards):
    """What a run still lacks."""
    return markers_to_make(segments_of_run(wildcards)[-1:], STUDY.start) if PLANS else []


def all_steps(wildcards):
    """All decisions of a finished study; none with `partial=true`, which takes those that are there."""
    if PLANS:
        begin_without_hooks()
    steps = []
    while STUDY.adaptive and not STUDY.request.partial and not (steps and STUDY.is_last(steps[-1])):
        steps.append(checkpoints.decide_step.get(step=f"{len(steps):03d}").output[0])
    return steps


def all_prepared(wildcards):
    """The prepared images that the models of a study look at; of a program only it knows how to load its models."""
    if PROGRAM:
        raise WorkflowError(
            f"{STUDY.study_file}: runs are trained by a program of your own, which alone can load its networks and its "
            "data: nothing is predicted with them here. Let the program write what you need; `keep` keeps its files."
        )
    return [f"{folder}/manifest.json" for folder in STUDY.plan.data]


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


# All files of a finished study that people or later steps read.
STUDY_FILES = [
    *outputs("import_table" if TABLE else "collect_results", FOLDER).values(),
    *outputs("analyze_study", FOLDER).values(),
    f"{FOLDER}/metrics.json",
    f"{FOLDER}/report.md",
    f"{FOLDER}/report.html",
    f"{FOLDER}/report.sources.csv",
    f"{FOLDER}/figures",
]
if not TABLE:
    STUDY_FILES += [f"{FOLDER}/provenance.json"]
if HAS_IMAGES:
    STUDY_FILES += [f"{FOLDER}/images/images.json", *outputs("describe_data", FOLDER).values()]
if STUDY.study.sweep:
    STUDY_FILES += [*outputs("tabulate_search", FOLDER).values(), OPTUNA_JOURNAL]
RACE_FILES = [*outputs("tabulate_races", FOLDER).values()] if STUDY.races else []
STUDY_FILES += RACE_FILES
if STUDY.study.ensemble:
    STUDY_FILES += [*outputs("score_ensemble", FOLDER).values(), f"{FOLDER}/ensemble.json"]
# The ledger of looks at the test split, once there is one: a look that was taken since the report makes it again.
LOOKS_AT_TEST = [str(FOLDER / TEST_LOOKS)] if (FOLDER / TEST_LOOKS).is_file() else []
TEST_FILES = [*outputs("score_test", FOLDER).values(), f"{FOLDER}/test.json"] if STUDY.study.test else []
STUDY_FILES += TEST_FILES


# What `keep` of a study lets go is removed each time so many cells more are trained, and last when all is drawn.
CELLS_AT_ONCE = 100
LETS_GO = PLANS and STUDY.study.keep.lets_go and not STUDY.request.partial
BATCHES = STUDY.missing_by_cells(CELLS_AT_ONCE) if LETS_GO else []


# By segment: the earlier its batch, the more urgent, or space would be freed only when nearly all is trained.
URGENCY = {one: len(BATCHES) - number for number, batch in reversed([*enumerate(BATCHES)]) for one in batch}


# What a budget lets train first.
if PLANS and STUDY.budget is not None:
    URGENCY = {segment: len(STUDY.turns) - turn for segment, turn in STUDY.turns.items()}


# Which job comes first matters where space is to be freed, a budget may end, or a decision waits for one of many.
HAVE_TURNS = len(BATCHES) > 1 or STUDY.study.sweep is not None or STUDY.study.budget is not None
# By segment of a trial: the earlier a search looks at it, the more urgent.
LAST_TURN = 10**9
TURNS = {}


@of_each_job
def urgency_of(wildcards):
    """The place of a segment among those that wait to be trained."""
    return TURNS.get(wildcards.segment, URGENCY.get(wildcards.segment, 0))


def urgency_of_pack(wildcards):
    """That of the most urgent of a pack."""
    return max(TURNS.get(segment, URGENCY.get(segment, 0)) for segment in segments_of_pack(wildcards))


def trained_before(wildcards):
    """What is trained, or drawn, before space is freed."""
    if wildcards.batch == "last":
        return [*STUDY_FILES, *freed(range(len(BATCHES)))]
    number = int(wildcards.batch)
    return [*markers_to_make(BATCHES[number], STUDY.start), *freed(range(number)[-1:])]


def freed(batches):
    """What says that space was freed after these batches."""
    return [markers.marker(STUDY.start, f"freed_{batch}") for batch in batches]


def space():
    """What frees space last, where something is trained before."""
    return freed(["last"]) if LETS_GO and (STUDY.missing() or not STUDY.nothing_left_to_decide) else []

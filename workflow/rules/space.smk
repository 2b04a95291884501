# Needs: trained segments. Makes: space, in results/segments, where a study's `keep` lets go of what it no longer needs:
# each time so many cells more are trained, and when all is drawn.

CELLS_AT_ONCE = 100


localrules:
    free_space,


def batches_of_cells():
    """The segments that cells still lack, of so many cells together; none of a search, whose cells come by decisions."""
    if STUDY.adaptive:
        return []
    cells = {}
    for run in STUDY.plan.runs:
        cells.setdefault(run.cell, []).extend(run.segments)
    missing = [[one for one in segments if not STUDY.is_trained(one)] for segments in cells.values()]
    left = [segments for segments in missing if segments]
    return [sum(left[first : first + CELLS_AT_ONCE], []) for first in range(0, len(left), CELLS_AT_ONCE)]


LETS_GO = PLANS and STUDY.study.keep.lets_go and not STUDY.request.partial
BATCHES = batches_of_cells() if LETS_GO else []


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


rule free_space:
    input:
        ancient(trained_before),
    output:
        mark=touch(f"results/markers/{START}/freed_{{batch}}"),
    log:
        f"results/logs/free_space/{STUDY.name}_{{batch}}.{START}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        run=untracked(RUN),
        study=STUDY.name,
    message:
        "remove what `keep` of {params.study} lets go"
    shell:
        "{params.run}/clean_up.py --study {params.study:q} --remove > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

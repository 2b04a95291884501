# Needs: prepared data, the segment that one goes on from. Makes: results/segments/<id>, seen as results/markers/<id>.

# On one machine a training that fails is a job that fails. On a cluster a job may also be cut off, which is worth
# another try, while a crash is not: there the job writes down how the training ended, and `check_outcome` tells.
if STUDY.records_failures:

    rule check_outcome:
        input:
            outcome=outcome_of,
        output:
            marker="results/markers/{segment}",
        log:
            "results/logs/check_outcome/{segment}.log",
        retries: 0
        conda:
            "../../envs/segsweep.yaml"
        params:
            outcome=own_outcome,
        message:
            "accept {wildcards.segment}"
        shell:
            "if test -s {params.outcome:q}; then tee {log:q} < {params.outcome:q} >&2; exit 1; fi; "
            "touch {output.marker:q}"


rule train_segment:
    input:
        ancient(needed_by_missing()),
    output:
        marker=TRAINED,
    log:
        "results/logs/train_segment/{segment}.log",
    retries: RETRIES
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=memory_of,
        runtime=runtime_of,
        gpu_mb=device_memory_of,
        cpus_per_task=cpus_of,
    params:
        plan=STUDY.plan_file,
        words=segment_in_words,
        device=STUDY.request.device,
        start=START,
        options=TRAINING_OPTIONS,
        environment=ENVIRONMENT,
    message:
        "train {params.words}"
    shell:
        "env {params.environment} {params.start} python workflow/scripts/train_segment.py {params.options} "
        "--plan {params.plan:q} --segment {wildcards.segment} --store results/segments --marker {output.marker:q} "
        "--threads {threads} --device {params.device} --log {log:q}"


rule train_pack:
    input:
        needed=ancient(needed_by_pack),
    output:
        outcomes=temp(directory("results/outcomes/{pack}")),
    log:
        "results/logs/train_pack/{pack}.log",
    retries: RETRIES
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=memory_of_pack,
        runtime=runtime_of_pack,
        gpu_mb=device_memory_of_pack,
        cpus_per_task=cpus_of_pack,
    params:
        plan=STUDY.plan_file,
        segments=lambda wildcards: STUDY.packs[wildcards.pack],
        at_once=STUDY.request.pack_at_once,
        device=STUDY.request.device,
        options=PACK_OPTIONS,
        start=START,
        environment=ENVIRONMENT,
    message:
        "train pack {wildcards.pack}: {params.segments}"
    shell:
        "env {params.environment} {params.start} python workflow/scripts/train_pack.py {params.options} "
        "--plan {params.plan:q} --segments {params.segments} --store results/segments --at-once {params.at_once} "
        "--marker {output.outcomes:q}/{{segment}} --log results/logs/train_segment/{{segment}}.log "
        "--threads {threads} --device {params.device} > {log:q} 2>&1"

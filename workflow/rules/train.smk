# Needs: prepared data, the segment that one goes on from. Makes: results/segments/<id>, seen as results/markers/<id>.

# On one machine a training that fails is a job that fails. On a cluster a job may also be cut off, which is worth
# another try, while a crash is not: there the job writes down how the training ended, and `accept_segment` tells.
if STUDY.settles:

    rule accept_segment:
        input:
            outcome=outcome_of,
        output:
            marker="results/markers/{segment}",
        log:
            "results/logs/accept_segment/{segment}.log",
        retries: 0
        conda:
            "../../envs/segsweep.yaml"
        message:
            "accept {wildcards.segment}"
        shell:
            "if test -s {input.outcome:q}; then tee {log:q} < {input.outcome:q} >&2; rm {input.outcome:q}; exit 1; "
            "else touch {output.marker:q}; fi"


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


for PACK, SEGMENTS in STUDY.packs.items():

    rule:
        name:
            f"train_pack_{PACK}"
        input:
            needed=ancient(needed_by(SEGMENTS)),
        output:
            markers=temp([f"results/outcomes/{PACK}/{segment}" for segment in SEGMENTS]),
        retries: RETRIES
        threads: 1
        resources:
            **pack_resources(SEGMENTS),
            **STUDY.submission,
        params:
            plan=STUDY.plan_file,
            segments=SEGMENTS,
            pack=PACK,
            at_once=STUDY.request.pack_at_once,
            device=STUDY.request.device,
            options=PACK_OPTIONS,
            start=START,
            environment=ENVIRONMENT,
        message:
            "train pack {params.pack}: {params.segments}"
        shell:
            "env {params.environment} {params.start} python workflow/scripts/train_pack.py {params.options} "
            "--plan {params.plan:q} --segments {params.segments} --store results/segments --at-once {params.at_once} "
            "--marker results/outcomes/{params.pack}/{{segment}} --log results/logs/train_segment/{{segment}}.log "
            "--threads {threads} --device {params.device}"

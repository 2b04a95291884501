# Needs: prepared data, the segment that one continues. Makes: results/segments/<id>; see `segsweep.planning.markers` for
# what Snakemake sees of it.


# Encoder weights by name that trainings load and that are not in the cache: fetched where Snakemake runs, as nodes often
# have no internet. Nothing waits for it where all are there.
if STUDY.weights_to_fetch:

    rule fetch_weights:
        output:
            mark=f"results/markers/{START}/weights",
        log:
            f"results/logs/fetch_weights/{STUDY.name}.{START}.log",
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            fetch=untracked(warm("fetch_weights")),
            weights=untracked(["=".join(one) for one in STUDY.weights_to_fetch]),
        message:
            "fetch encoder weights: {params.weights}"
        shell:
            "{params.fetch} {params.weights:q} --output {output.mark:q} > {log:q} 2>&1 "
            "|| {{ cat {log:q} >&2; exit 1; }}"


# Whether torch can use the GPU of this machine that trainings ask for: or each of them would find out that it cannot.
if STUDY.asks_for_gpu_here:

    rule check_device:
        output:
            mark=f"results/markers/{START}/device",
        log:
            f"results/logs/check_device/{STUDY.name}.{START}.log",
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=10,
        params:
            check=untracked(warm("check_device")),
            device=untracked(STUDY.device),
        message:
            "look whether torch can use the GPU"
        shell:
            "{params.check} --device {params.device:q} --output {output.mark:q} > {log:q} 2>&1 "
            "|| {{ cat {log:q} >&2; exit 1; }}"


# What a study asks of torch and its libraries (networks, losses, optimizers, schedules), tried without data before the
# first job that would find out.
if STUDY.tried:

    rule check_study:
        input:
            weights=ancient(weights_fetched(STUDY.start)),
        output:
            seen=STUDY.checked_file,
        log:
            f"results/logs/check_study/{STUDY.name}.log",
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=30,
        params:
            check=untracked(warm("check_study")),
            tried=untracked(STUDY.tried_file),
        message:
            f"try the settings of {STUDY.name}"
        shell:
            "{params.check} --tried {params.tried:q} --output {output.seen:q} > {log:q} 2>&1 "
            "|| {{ cat {log:q} >&2; exit 1; }}"


# Components of a person's own code (`arch: my/unet.py:build`), tried in seconds before the first training calls them.
# What they are made of is in the file's name, not in `params`: of a job that runs again though its output is there,
# Snakemake passes over those that need it as `ancient`, even where these lack files of their own.
rule check_components:
    input:
        manifest=ancient("results/data/{data}/manifest.json"),
    output:
        seen=f"{FOLDER}/checks/{{data}}.{STUDY.own_code_digest}.txt",
    log:
        f"results/logs/check_components/{STUDY.name}_{{data}}.log",
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        run=untracked(warm("check_components")),
        plan=untracked(STUDY.plan_file),
        components=untracked(STUDY.own_components_file),
    message:
        "try the components of own code on {wildcards.data}"
    shell:
        "{params.run} --plan {params.plan:q} --components {params.components:q} "
        "--manifest {input.manifest:q} --output {output.seen:q} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}; "
        "cat {log:q} >&2"


# On one machine a training that fails is a job that fails. On a cluster a job may also be interrupted, which is worth
# another try, while a crash is not: there the job writes down how the training ended, and `check_outcome` tells.
if STUDY.records_failures:

    rule check_outcome:
        input:
            outcome=outcome_of,
        output:
            marker=MARKER,
        log:
            f"results/logs/check_outcome/{{segment}}.{START}.log",
        priority: urgency_of if HAVE_TURNS else 0
        retries: 0
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
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
        f"results/logs/train_segment/{{segment}}.{START}.log",
    priority: urgency_of if HAVE_TURNS else 0
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
        words=SegmentsInWords(),
    message:
        "train {params.words:{wildcards.segment}}"
    shell:
        f"{CLAIM}{TRAIN} " "--segment {wildcards.segment} --marker {output.marker:q} --threads {threads} --log {log:q}"


rule train_pack:
    input:
        needed=ancient(needed_by_pack),
    output:
        outcomes=temp(directory(f"results/outcomes/{START}/{{pack}}")),
    log:
        f"results/logs/train_pack/{{pack}}.{START}.log",
    priority: urgency_of_pack if HAVE_TURNS else 0
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
        run=RUN,
        plan=STUDY.plan_file,
        device=STUDY.device,
        options=PACK_OPTIONS,
        segments=segments_of_pack,
        start=start_of,
        at_once=STUDY.request.pack_at_once,
    message:
        "train pack {wildcards.pack}: {params.segments}"
    shell:
        f"{CLAIM}"
        "{params.run}/train_pack.py {params.options} "
        "--plan {params.plan:q} --segments {params.segments} --store results/segments --at-once {params.at_once} "
        "--marker {output.outcomes:q}/{{segment}} --log results/logs/train_segment/{{segment}}.{params.start}.log "
        "--threads {threads} --device {params.device:q} > {log:q} 2>&1"

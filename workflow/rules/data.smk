# Needs: the files of a data set, or its .dvc file. Makes: results/data/<key>, decoded once for all cells, and tables of
# what is in it.


# A rule's output is deleted before it runs, so the images themselves are none; the mark lasts until they are read.
# A folder that is there is used as it is, whatever DVC tracks: its address says so as well.
rule pull_data:
    output:
        mark=temp("results/data/{data}.pulled"),
    log:
        "results/logs/pull_data/{data}.log",
    benchmark:
        "results/benchmarks/pull_data/{data}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=600,
    params:
        folder=TRACKED.parent if TRACKED else "",
        tracked=TRACKED.name if TRACKED else "",
        content=TRACKED.stem if TRACKED else "",
    message:
        "pull {params.folder}/{params.tracked}"
    shell:
        "{{ test -d {params.folder:q}/{params.content:q} "
        "|| dvc --cd {params.folder:q} pull {params.tracked:q}; }} > {log:q} 2>&1 "
        "&& touch {output.mark:q} || {{ cat {log:q} >&2; exit 1; }}"


rule prepare_data:
    input:
        mark=ancient("results/data/{data}.pulled") if TRACKED else [],
        # What cannot train is said before hours of preparation.
        checked=ancient(tried_before_preparing),
    output:
        manifest="results/data/{data}/manifest.json",
    log:
        "results/logs/prepare_data/{data}.log",
    benchmark:
        "results/benchmarks/prepare_data/{data}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        prepare=untracked(warm("prepare_data")),
        plan=untracked(STUDY.plan_file),
        folder="results/data/{data}",
    message:
        "prepare {wildcards.data}"
    shell:
        "{params.prepare} --plan {params.plan:q} --output {params.folder:q} --workers {threads} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}; grep '^  note: ' {log:q} >&2 || true"


# It waits for the decisions of a study, which may ask for images that are prepared in another way.
rule describe_data:
    input:
        **ALL_TRAINED,
        prepared=ancient(all_prepared),
    output:
        **outputs("describe_data", FOLDER),
    log:
        f"results/logs/describe_data/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/describe_data/{STUDY.name}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=untracked(warm_if_there("describe_data")),
        plan=untracked(STUDY.plan_file),
        folder=FOLDER,
        dataset=STUDY.dataset_digest,
        code=STUDY.code_of("describe_data"),
    message:
        "describe the data of {params.folder}"
    shell:
        "{params.run} --plan {params.plan:q} --output {params.folder:q} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

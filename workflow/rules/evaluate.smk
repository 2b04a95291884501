# Needs: a trained run. Makes, where it is asked for: results/<study>/evaluations/<run>.<split>.json, its scores on a
# split of the data set, and beside it the counts of which they are made.


rule evaluate_run:
    input:
        markers=ancient(markers_of_run),
        data=ancient(all_prepared),
    output:
        scores=f"{FOLDER}/evaluations/{{run}}.{{split}}.json",
        counts=f"{FOLDER}/evaluations/{{run}}.{{split}}.npz",
    log:
        f"results/logs/evaluate_run/{STUDY.name}_{{run}}.{{split}}.log",
    benchmark:
        f"results/benchmarks/evaluate_run/{STUDY.name}_{{run}}.{{split}}.tsv"
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(120),
    params:
        run=untracked(warm("evaluate_run")),
        plan=untracked(STUDY.plan_file),
        device=untracked(STUDY.device),
        segments=segments_of_run,
        code=STUDY.code_of("evaluate_run"),
    message:
        "evaluate {wildcards.run} on {wildcards.split}"
    shell:
        "{params.run} --plan {params.plan:q} --run {wildcards.run:q} --split {wildcards.split} "
        "--store results/segments --output {output.scores:q} --device {params.device:q} --threads {threads} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

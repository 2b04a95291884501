# Needs: prepared images, for their size. Makes, where a study names such costs: results/model_costs/<address>.json, what
# a model takes for an image. An address stands for all that it depends on, so a model is measured once.


rule measure_model:
    input:
        data=ancient(data_of_model),
    output:
        costs="results/model_costs/{model}.json",
    log:
        "results/logs/measure_model/{model}.log",
    benchmark:
        "results/benchmarks/measure_model/{model}.tsv"
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(30),
    params:
        run=untracked(warm("measure_model")),
        plan=untracked(STUDY.plan_file),
        device=untracked(STUDY.device),
    message:
        "measure the model {wildcards.model}"
    shell:
        "{params.run} --plan {params.plan:q} --model {wildcards.model:q} --output {output.costs:q} "
        "--device {params.device:q} --threads {threads} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

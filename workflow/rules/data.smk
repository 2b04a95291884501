# Needs: the files of a data set. Makes: results/data/<key>, decoded once for all cells.


rule prepare_data:
    output:
        manifest="results/data/{data}/manifest.json",
    log:
        "results/logs/prepare_data/{data}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        description="results/data/{data}.json",
        folder="results/data/{data}",
        environment=ENVIRONMENT,
    message:
        "prepare {wildcards.data}"
    shell:
        "env {params.environment} python workflow/scripts/prepare_data.py --description {params.description:q} "
        "--output {params.folder:q} --workers {threads} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

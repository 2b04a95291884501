# Needs: trained segments, or a table of results made elsewhere. Makes: the tables of results/<study>.

if STUDY.study.table is None:

    rule collect_results:
        input:
            markers=ancient(all_markers),
            plan=STUDY.plan_file,
            coverage=STUDY.coverage_file,
            code="results/code/collect_results.txt",
        output:
            cells=f"{STUDY.folder}/cells.csv",
            runs=f"{STUDY.folder}/runs.csv",
            epochs=f"{STUDY.folder}/epochs.csv",
            images=f"{STUDY.folder}/images.csv",
        log:
            f"results/logs/collect_results/{STUDY.name}.log",
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            folder=STUDY.folder,
            partial="--partial" if STUDY.request.partial else "",
            environment=ENVIRONMENT,
        message:
            "collect the results of {params.folder}"
        shell:
            "env {params.environment} python workflow/scripts/collect_results.py --plan {input.plan:q} "
            "--store results/segments --output {params.folder:q} {params.partial} "
            "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

else:

    rule import_table:
        input:
            study=STUDY.study_file,
            table=STUDY.table_file,
            code="results/code/import_table.txt",
        output:
            cells=f"{STUDY.folder}/cells.csv",
            runs=f"{STUDY.folder}/runs.csv",
            plan=STUDY.plan_file,
        log:
            f"results/logs/import_table/{STUDY.name}.log",
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            folder=STUDY.folder,
            environment=ENVIRONMENT,
        message:
            "read {input.table}"
        shell:
            "env {params.environment} python workflow/scripts/import_table.py --study {input.study:q} "
            "--output {params.folder:q} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule analyze_study:
    input:
        cells=f"{STUDY.folder}/cells.csv",
        runs=f"{STUDY.folder}/runs.csv",
        ensemble=f"{STUDY.folder}/ensemble.csv" if STUDY.study.ensemble else [],
        compared=STUDY.compared,
        code="results/code/analyze_study.txt",
    output:
        ranking=f"{STUDY.folder}/ranking.csv",
        factors=f"{STUDY.folder}/factors.csv",
        anova=f"{STUDY.folder}/anova.csv",
        importance=f"{STUDY.folder}/importance.csv",
        claims=f"{STUDY.folder}/claims.csv",
        best=f"{STUDY.folder}/best.yaml",
        analysis=f"{STUDY.folder}/analysis.json",
    log:
        f"results/logs/analyze_study/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        folder=STUDY.folder,
        environment=ENVIRONMENT,
    message:
        "analyze {params.folder}"
    shell:
        "env {params.environment} python workflow/scripts/analyze_study.py --results {params.folder:q} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


# For `dvc metrics show`.
rule write_metrics:
    input:
        ranking=f"{STUDY.folder}/ranking.csv",
        analysis=f"{STUDY.folder}/analysis.json",
    output:
        metrics=f"{STUDY.folder}/metrics.json",
    log:
        f"results/logs/write_metrics/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=STUDY.folder,
        environment=ENVIRONMENT,
    message:
        "write the metrics of {params.folder}"
    shell:
        "env {params.environment} python workflow/scripts/write_metrics.py --results {params.folder:q} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

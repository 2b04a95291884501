# Needs: trained segments, or a table of results made elsewhere. Makes: the tables of results/<study>, which
# docs/tables.md describes.

if TABLE:

    rule import_table:
        input:
            study=STUDY.study_file,
            table=STUDY.table_files,
        output:
            **shown_outputs("import_table"),
            plan=STUDY.plan_file,
        log:
            f"results/logs/import_table/{STUDY.name}.log",
        benchmark:
            f"results/benchmarks/import_table/{STUDY.name}.tsv"
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            run=untracked(RUN),
            folder=FOLDER,
            code=STUDY.code_of("import_table"),
        message:
            "read {input.table}"
        shell:
            "{params.run}/import_table.py --study {input.study:q} --output {params.folder:q} "
            "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

else:

    rule collect_results:
        input:
            **ALL_TRAINED,
            costs=ancient(all_costs),
            pending=pending("tables"),
        output:
            **shown_outputs("collect_results"),
        log:
            f"results/logs/collect_results/{STUDY.name}.log",
        benchmark:
            f"results/benchmarks/collect_results/{STUDY.name}.tsv"
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            run=untracked(warm_if_there("collect_results")),
            plan=untracked(STUDY.plan_file),
            partial=untracked(PARTIAL),
            folder=FOLDER,
            planned=plan_digest,
            covers=STUDY.coverage,
            code=STUDY.code_of("collect_results"),
        message:
            "collect the results of {params.folder}"
        shell:
            "{params.run} --plan {params.plan:q} --store results/segments "
            "--output {params.folder:q} {params.partial} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule analyze_study:
    input:
        **outputs("import_table" if TABLE else "collect_results", FOLDER),
        ensemble=f"{FOLDER}/ensemble.csv" if STUDY.study.ensemble else [],
        races=RACE_FILES,
        compared=STUDY.compared,
    output:
        **shown_outputs("analyze_study"),
    log:
        f"results/logs/analyze_study/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/analyze_study/{STUDY.name}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        run=untracked(warm_if_there("analyze_study")),
        folder=FOLDER,
        study=STUDY.study_digest,
        code=STUDY.code_of("analyze_study"),
    message:
        "analyze {params.folder}"
    shell:
        "{params.run} --results {params.folder:q} " "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


# For `dvc metrics show`.
rule write_metrics:
    input:
        ranking=f"{FOLDER}/ranking.csv",
        analysis=f"{FOLDER}/analysis.json",
    output:
        metrics=f"{FOLDER}/metrics.json",
    log:
        f"results/logs/write_metrics/{STUDY.name}.log",
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=untracked(RUN),
        folder=FOLDER,
        code=STUDY.code_of("write_metrics"),
    message:
        "write the metrics of {params.folder}"
    shell:
        "{params.run}/write_metrics.py --results {params.folder:q} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

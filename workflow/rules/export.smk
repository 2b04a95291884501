# Needs: the report and the tables of results/<study>, the best checkpoints. Makes, only where it is asked for (`make
# export`): the report in other forms, and the study's model as a folder to hand on.


rule export_report:
    input:
        markdown=rules.build_report.output.markdown,
        html=rules.build_report.output.html,
        figures=rules.build_report.output.figures,
        pending=pending("export"),
    output:
        # Not the folder itself: Snakemake would leave a file of its own in it, and remove what a person puts there.
        exported=f"{FOLDER}/export.txt",
    log:
        f"results/logs/export_report/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/export_report/{STUDY.name}.tsv"
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
        export=untracked(EXPORT),
        code=STUDY.code_of("export_report"),
    message:
        "export the report of {params.folder}"
    shell:
        "status=0; {params.run}/export_report.py --results {params.folder:q} --output {params.export:q} "
        "> {log:q} 2>&1 && cp {log:q} {output.exported:q} || status=$?; cat {log:q} >&2; exit $status"


if not TABLE:

    rule export_model:
        input:
            **ALL_TRAINED,
            data=[] if PROGRAM else ancient(all_prepared),
            runs=f"{FOLDER}/runs.csv",
            ranking=f"{FOLDER}/ranking.csv",
            weights=ancient(weights_of_best),
            together=f"{FOLDER}/ensemble.csv" if STUDY.study.ensemble else [],
            test=f"{FOLDER}/test.csv" if STUDY.study.test else [],
            pending=pending("model"),
        output:
            # Not the folder itself: Snakemake would leave a file of its own in what is uploaded.
            exported=f"{FOLDER}/model.txt",
        log:
            f"results/logs/export_model/{STUDY.name}.log",
        benchmark:
            f"results/benchmarks/export_model/{STUDY.name}.tsv"
        localrule: True
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            mem_mb=8000,
            runtime=60,
        params:
            run=untracked(RUN),
            plan=untracked(STUDY.plan_file),
            folder=FOLDER,
            model=untracked(MODEL),
            of=STUDY.request.of,
            code=STUDY.code_of("export_model"),
        message:
            "export the model of {params.folder}: {params.of}"
        shell:
            "status=0; {params.run}/export_model.py --plan {params.plan:q} --store results/segments "
            "--results {params.folder:q} --output {params.model:q} --of {params.of:q} "
            "> {log:q} 2>&1 && cp {log:q} {output.exported:q} || status=$?; cat {log:q} >&2; exit $status"


rule export_study:
    input:
        report=rules.export_report.output.exported,
        model=[] if TABLE else rules.export_model.output.exported,
    message:
        f"export {STUDY.name}"

# Needs: the tables of results/<study>, the best checkpoints. Makes: pictures, report.md, report.html.


rule draw_pictures:
    input:
        ranking=f"{STUDY.folder}/ranking.csv",
        images=f"{STUDY.folder}/images.csv",
        data=ancient(all_prepared),
        code="results/code/draw_pictures.txt",
    output:
        pictures=f"{STUDY.folder}/pictures/pictures.json",
    log:
        f"results/logs/draw_pictures/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        plan=STUDY.plan_file,
        folder=STUDY.folder,
        environment=ENVIRONMENT,
    message:
        "draw the pictures of {params.folder}"
    shell:
        "env {params.environment} python workflow/scripts/draw_pictures.py --plan {params.plan:q} "
        "--store results/segments --results {params.folder:q} --output {params.folder:q}/pictures "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule build_report:
    input:
        ranking=f"{STUDY.folder}/ranking.csv",
        analysis=f"{STUDY.folder}/analysis.json",
        pictures=[] if STUDY.study.table else f"{STUDY.folder}/pictures/pictures.json",
        decisions=f"{STUDY.folder}/sweep/decisions.csv" if STUDY.study.sweep else [],
        code="results/code/build_report.txt",
    output:
        markdown=report(f"{STUDY.folder}/report.md", category="Report"),
        html=report(f"{STUDY.folder}/report.html", category="Report"),
        sources=f"{STUDY.folder}/report.sources.csv",
        figures=directory(f"{STUDY.folder}/figures"),
    log:
        f"results/logs/build_report/{STUDY.name}.log",
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
        "write the report of {params.folder}"
    shell:
        "env {params.environment} python workflow/scripts/build_report.py --results {params.folder:q} "
        "--output {params.folder:q} --store results/segments {params.partial} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

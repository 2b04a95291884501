# Needs: the tables of results/<study>, the best checkpoints. Makes: images, report.md, report.html.


rule draw_images:
    input:
        ranking=f"{STUDY.folder}/ranking.csv",
        images=f"{STUDY.folder}/images.csv",
        data=ancient(all_prepared),
        code="results/code/draw_images.txt",
    output:
        drawn=f"{STUDY.folder}/images/images.json",
    log:
        f"results/logs/draw_images/{STUDY.name}.log",
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
        "draw the images of {params.folder}"
    shell:
        "env {params.environment} python workflow/scripts/draw_images.py --plan {params.plan:q} "
        "--store results/segments --results {params.folder:q} --output {params.folder:q}/images "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule build_report:
    input:
        ranking=f"{STUDY.folder}/ranking.csv",
        analysis=f"{STUDY.folder}/analysis.json",
        drawn=[] if STUDY.study.table else f"{STUDY.folder}/images/images.json",
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

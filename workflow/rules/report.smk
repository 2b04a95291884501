# Needs: the tables of results/<study>, the best checkpoints. Makes: images, report.md, report.html.
from segsweep.snakemake_report import figure_labels


rule draw_images:
    input:
        ranking=f"{FOLDER}/ranking.csv",
        images=f"{FOLDER}/images.csv",
        weights=ancient(weights_of_best),
        data=ancient(all_prepared),
        pending=pending("images"),
    output:
        drawn=f"{FOLDER}/images/images.json",
    log:
        f"results/logs/draw_images/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/draw_images/{STUDY.name}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        run=untracked(warm("draw_images")),
        plan=untracked(STUDY.plan_file),
        folder=FOLDER,
        study=STUDY.study_digest,
        dataset=STUDY.dataset_digest,
        code=STUDY.code_of("draw_images"),
    message:
        "draw the images of {params.folder}"
    shell:
        "{params.run} --plan {params.plan:q} --store results/segments --results {params.folder:q} "
        "--output {params.folder:q}/images > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule build_report:
    input:
        **outputs("analyze_study", FOLDER),
        drawn=f"{FOLDER}/images/images.json" if HAS_IMAGES else [],
        described=list(outputs("describe_data", FOLDER).values()) if HAS_IMAGES else [],
        sweep=f"{FOLDER}/sweep/decisions.csv" if STUDY.study.sweep else [],
        test=TEST_FILES,
        looks=LOOKS_AT_TEST,
        pending=pending("figures"),
    output:
        markdown=report(f"{FOLDER}/report.md", caption="../report/report.rst", category="Report"),
        html=report(f"{FOLDER}/report.html", caption="../report/report.rst", category="Report"),
        sources=f"{FOLDER}/report.sources.csv",
        provenance=[] if TABLE else f"{FOLDER}/provenance.json",
        figures=report(
            directory(f"{FOLDER}/figures"),
            patterns=["{figure}.png"],
            caption="../report/figure.rst",
            category="Figures",
            labels=figure_labels(FOLDER / "report.md"),
        ),
    log:
        f"results/logs/build_report/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/build_report/{STUDY.name}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        run=untracked(warm_if_there("build_report")),
        partial=untracked(PARTIAL),
        folder=FOLDER,
        study=STUDY.study_digest,
        covers=STUDY.coverage,
        code=STUDY.code_of("build_report"),
    message:
        "write the report of {params.folder}"
    shell:
        "{params.run} --results {params.folder:q} --output {params.folder:q} --store results/segments "
        "{params.partial} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

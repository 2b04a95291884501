# Needs: the ranking, trained segments. Makes: results/<study>/test.json, test.csv, test_images.csv, the scores of the
# chosen models on the test split. Beside them lies test_looks.json, which counts all looks at that split: it is nobody's
# output, as Snakemake would remove it before a job runs again.

if STUDY.study.test:

    rule score_test:
        input:
            **ALL_TRAINED,
            data=ancient(all_prepared),
            ranking=f"{FOLDER}/ranking.csv",
            analysis=f"{FOLDER}/analysis.json",
            weights=ancient(weights_of_best),
        output:
            **outputs("score_test", FOLDER),
            about=f"{FOLDER}/test.json",
        log:
            f"results/logs/score_test/{STUDY.name}.log",
        benchmark:
            f"results/benchmarks/score_test/{STUDY.name}.tsv"
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            **STUDY.submission,
            mem_mb=8000,
            runtime=STUDY.resources.at_most_min(240),
        params:
            run=untracked(warm("score_test")),
            plan=untracked(STUDY.plan_file),
            device=untracked(STUDY.device),
            folder=FOLDER,
            models=test_digest,
            code=STUDY.code_of("score_test"),
        message:
            "score the test split of {params.folder}"
        shell:
            "{params.run} --plan {params.plan:q} --store results/segments --ranking {input.ranking:q} "
            "--output {params.folder:q} --device {params.device:q} --threads {threads} "
            "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

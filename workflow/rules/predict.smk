# Needs: a study's ranking and best checkpoints, images of a person's own. Makes, where `--config predict={images: ...,
# output: ...}` asks for them, what its models predict of these images.
if STUDY.request.predict:
    PREDICT = STUDY.request.predict

    rule predict_images:
        input:
            **ALL_TRAINED,
            data=ancient(all_prepared),
            ranking=f"{FOLDER}/ranking.csv",
            weights=ancient(weights_of_best),
            images=ancient(PREDICT.images),
        output:
            # Nothing in the folder that a person names: Snakemake removes what it is about to make, whoever made it.
            predicted=f"{FOLDER}/predictions/{PREDICT.digest}.txt",
        log:
            f"results/logs/predict_images/{STUDY.name}.log",
        benchmark:
            f"results/benchmarks/predict_images/{STUDY.name}.tsv"
        conda:
            "../../envs/segsweep.yaml"
        threads: 1
        resources:
            **STUDY.submission,
            mem_mb=8000,
            runtime=STUDY.resources.at_most_min(240),
        params:
            run=untracked(warm("predict_images")),
            plan=untracked(STUDY.plan_file),
            device=untracked(STUDY.device),
            of=STUDY.request.of,
            asked=PREDICT.arguments,
            code=STUDY.code_of("predict_images"),
        message:
            "predict the images of {input.images}"
        shell:
            # The progress bar is on stderr.
            "status=0; {params.run} --plan {params.plan:q} --store results/segments "
            "--ranking {input.ranking:q} --of {params.of:q} {params.asked:q} --device {params.device:q} --threads {threads} "
            "> {log:q} && cp {log:q} {output.predicted:q} || status=$?; cat {log:q} >&2; exit $status"

# Needs: what the runs of the last decision scored. Makes: results/<study>/sweep/step_<n>.json, the next decision;
# tables of all decisions, the scores of the ensemble and, where it is asked for, predictions of the test split.


checkpoint decide_step:
    input:
        previous=ancient(previous_step),
        markers=ancient(markers_of_step),
        undecided=left_to_decide,
    output:
        step=f"{STUDY.folder}/sweep/step_{{step}}.json",
    log:
        f"results/logs/decide_step/{STUDY.name}_{{step}}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        plan=STUDY.plan_file,
        previous=previous_or_none,
        earlier=f"--earlier {STUDY.earlier}" if STUDY.earlier else "",
        environment=ENVIRONMENT,
    message:
        "decide step {wildcards.step}"
    shell:
        "env {params.environment} python workflow/scripts/decide_step.py --plan {params.plan:q} "
        "--previous {params.previous:q} {params.earlier} --store results/segments --output {output.step:q} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule tabulate_search:
    input:
        steps=all_steps,
        coverage=STUDY.coverage_file,
        code="results/code/tabulate_search.txt",
    output:
        trials=f"{STUDY.folder}/sweep/trials.csv",
        decisions=f"{STUDY.folder}/sweep/decisions.csv",
    log:
        f"results/logs/tabulate_search/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        study=STUDY.folder,
        environment=ENVIRONMENT,
    message:
        "tabulate the decisions of {params.study}"
    shell:
        "env {params.environment} python workflow/scripts/tabulate_search.py --sweep {params.study:q}/sweep "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule score_ensemble:
    input:
        markers=ancient(all_markers),
        data=ancient(all_prepared),
        ensemble_inputs=STUDY.ensemble_inputs_file,
        coverage=STUDY.coverage_file,
        code="results/code/score_ensemble.txt",
    output:
        scores=f"{STUDY.folder}/ensemble.csv",
        images=f"{STUDY.folder}/ensemble_images.csv",
        about=f"{STUDY.folder}/ensemble.json",
    log:
        f"results/logs/score_ensemble/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(120),
    params:
        plan=STUDY.plan_file,
        folder=STUDY.folder,
        decides=STUDY.ensemble_in_words,
        device=STUDY.request.device,
        environment=ENVIRONMENT,
    message:
        "score the ensemble of {params.folder}: {params.decides}"
    shell:
        "env {params.environment} python workflow/scripts/score_ensemble.py --plan {params.plan:q} "
        "--store results/segments --output {params.folder:q} --device {params.device} --threads {threads} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule predict_test:
    input:
        markers=ancient(all_markers),
        data=ancient(all_prepared),
        ranking=f"{STUDY.folder}/ranking.csv",
        code="results/code/predict_test.txt",
    output:
        submission=f"{STUDY.folder}/submission.zip",
        about=f"{STUDY.folder}/submission.json",
    log:
        f"results/logs/predict_test/{STUDY.name}.log",
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(240),
    params:
        plan=STUDY.plan_file,
        decides=STUDY.ensemble_in_words,
        device=STUDY.request.device,
        environment=ENVIRONMENT,
    message:
        "predict the test split: {output.submission}"
    shell:
        "env {params.environment} python workflow/scripts/predict_test.py --plan {params.plan:q} "
        "--store results/segments --ranking {input.ranking:q} --output {output.submission:q} "
        "--device {params.device} --threads {threads} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

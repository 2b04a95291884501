# Needs: what the runs of the last decision scored. Makes: results/<study>/sweep/step_<n>.json, the next decision, which
# also goes into Optuna's storage of the trials; tables of all decisions and races; the scores of the ensemble and, where it is
# asked for, predictions of the test split.


checkpoint decide_step:
    input:
        previous=ancient(previous_step),
        markers=ancient(markers_of_step),
        costs=ancient(costs_of_step),
        pending=pending_decision,
    output:
        step=f"{FOLDER}/sweep/step_{{step}}.json",
    log:
        f"results/logs/decide_step/{STUDY.name}_{{step}}.log",
    benchmark:
        f"results/benchmarks/decide_step/{STUDY.name}_{{step}}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        run=untracked(warm_if_there("decide_step")),
        plan=untracked(STUDY.plan_file),
        previous=previous_or_none,
        earlier=["--earlier", STUDY.earlier] if STUDY.earlier else [],
    message:
        "decide step {wildcards.step}"
    shell:
        "{params.run} --plan {params.plan:q} --previous {params.previous:q} {params.earlier:q} "
        "--store results/segments --output {output.step:q} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule tabulate_search:
    input:
        steps=all_steps,
        under_way=ancient(markers_under_way),
        pending=pending("tables"),
    output:
        **outputs("tabulate_search", FOLDER),
        journal=update(OPTUNA_JOURNAL),
    log:
        f"results/logs/tabulate_search/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/tabulate_search/{STUDY.name}.tsv"
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=untracked(RUN),
        plan=untracked(STUDY.plan_file),
        folder=FOLDER,
        covers=STUDY.coverage,
        code=STUDY.code_of("tabulate_search"),
    message:
        "tabulate the decisions of {params.folder}"
    shell:
        "{params.run}/tabulate_search.py --plan {params.plan:q} --store results/segments "
        "--sweep {params.folder:q}/sweep > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule tabulate_races:
    input:
        steps=all_steps,
        pending=pending("tables"),
    output:
        **outputs("tabulate_races", FOLDER),
    log:
        f"results/logs/tabulate_races/{STUDY.name}.log",
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=untracked(RUN),
        plan=untracked(STUDY.plan_file),
        folder=FOLDER,
        planned=plan_digest,
        covers=STUDY.coverage,
        code=STUDY.code_of("tabulate_races"),
    message:
        "tabulate the races of {params.folder}"
    shell:
        "{params.run}/tabulate_races.py --plan {params.plan:q} --output {params.folder:q} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule score_ensemble:
    input:
        **ALL_TRAINED,
        data=ancient(all_prepared),
        pending=pending("tables"),
    output:
        **outputs("score_ensemble", FOLDER),
        about=f"{FOLDER}/ensemble.json",
    log:
        f"results/logs/score_ensemble/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/score_ensemble/{STUDY.name}.tsv"
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(120),
    params:
        run=untracked(warm("score_ensemble")),
        plan=untracked(STUDY.plan_file),
        device=untracked(STUDY.device),
        folder=FOLDER,
        decides=STUDY.ensemble_in_words,
        models=ensemble_digest,
        covers=STUDY.coverage,
        code=STUDY.code_of("score_ensemble"),
    message:
        "score the ensemble of {params.folder}: {params.decides}"
    shell:
        "{params.run} --plan {params.plan:q} --store results/segments --output {params.folder:q} "
        "--device {params.device:q} --threads {threads} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule predict_test:
    input:
        **ALL_TRAINED,
        data=ancient(all_prepared),
        ranking=f"{FOLDER}/ranking.csv",
        weights=ancient(weights_of_best),
    output:
        submission=f"{FOLDER}/submission.zip",
        about=f"{FOLDER}/submission.json",
    log:
        f"results/logs/predict_test/{STUDY.name}.log",
    benchmark:
        f"results/benchmarks/predict_test/{STUDY.name}.tsv"
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        **STUDY.submission,
        mem_mb=8000,
        runtime=STUDY.resources.at_most_min(240),
    params:
        run=untracked(warm("predict_test")),
        plan=untracked(STUDY.plan_file),
        device=untracked(STUDY.device),
        decides=STUDY.ensemble_in_words,
        models=ensemble_digest,
        code=STUDY.code_of("predict_test"),
    message:
        "predict the test split: {output.submission}"
    shell:
        "{params.run} --plan {params.plan:q} --store results/segments --ranking {input.ranking:q} "
        "--output {output.submission:q} --device {params.device:q} --threads {threads} "
        "> {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

# Needs: what the runs of the last decision scored. Makes: results/<study>/sweep/step_<n>.json, the next decision.


checkpoint decide_step:
    input:
        previous=ancient(previous_step),
        markers=ancient(markers_of_step),
    output:
        step=f"{STUDY.folder}/sweep/step_{{step}}.json",
    log:
        f"results/logs/decide_step/{STUDY.name}_{{step}}.log",
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

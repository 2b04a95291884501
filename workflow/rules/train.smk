# Needs: prepared data, the segment that one goes on from. Makes: results/segments/<id>, seen as results/markers/<id>.


rule train_segment:
    input:
        data=ancient(prepared_data_of),
        parent=ancient(marker_of_parent),
    output:
        marker="results/markers/{segment}",
    log:
        "results/logs/train_segment/{segment}.log",
    threads: 1
    params:
        plan=STUDY.plan_file,
        words=segment_in_words,
        device=STUDY.request.device,
        warm="--warm" if STUDY.request.warm else "",
        environment=ENVIRONMENT,
    message:
        "train {params.words}"
    shell:
        "env {params.environment} python workflow/scripts/train_segment.py {params.warm} --plan {params.plan:q} "
        "--segment {wildcards.segment} --store results/segments --marker {output.marker:q} "
        "--threads {threads} --device {params.device} --log {log:q}"

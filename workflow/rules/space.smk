# Needs: trained segments. Makes: space, in results/segments, where a study's `keep` lets go of what it no longer needs:
# each time so many cells more are trained, and when all is drawn. Before it is drawn, a ranking that puts a setting first
# whose weights are gone has them trained again.


# Only with the ranking is it known what else there is to train.
checkpoint find_lost_weights:
    input:
        ranking=f"{FOLDER}/ranking.csv",
        analysis=f"{FOLDER}/analysis.json",
    output:
        mark=touch(f"results/markers/{START}/weights_looked_for"),
    log:
        f"results/logs/find_lost_weights/{STUDY.name}.{START}.log",
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    message:
        "look whether the best settings have their weights"
    shell:
        "true > {log:q}"


rule free_space:
    input:
        ancient(trained_before),
    output:
        mark=touch(f"results/markers/{START}/freed_{{batch}}"),
    log:
        f"results/logs/free_space/{STUDY.name}_{{batch}}.{START}.log",
    priority: len(BATCHES) + 1
    localrule: True
    conda:
        "../../envs/segsweep.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        run=untracked(RUN),
        study=STUDY.name,
    message:
        "remove what `keep` of {params.study} lets go"
    shell:
        "{params.run}/clean_up.py --study {params.study:q} --remove > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"

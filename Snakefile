# segsweep: hyperparameter studies of segmentation models. What a study is: README.md. What depends on what: workflow/rules.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/analyze.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/cluster.smk"


rule all:
    default_target: True
    input:
        f"{STUDY.folder}/report.md",
        f"{STUDY.folder}/report.html",
        f"{STUDY.folder}/metrics.json",
        all_markers,

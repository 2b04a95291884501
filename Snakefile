# So that `snakemake` works here; the workflow itself is workflow/Snakefile.
include: "workflow/Snakefile"

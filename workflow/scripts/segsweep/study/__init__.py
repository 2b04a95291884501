"""From a study file to cells, runs and segments. Imported by the Snakefile: no torch, no pandas."""

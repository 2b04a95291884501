"""segsweep: reproducible hyperparameter studies of segmentation models."""

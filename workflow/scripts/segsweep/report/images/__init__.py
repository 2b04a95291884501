"""Pictures of what models predict: beside the truth, as errors in colour, over the cells of a grid."""

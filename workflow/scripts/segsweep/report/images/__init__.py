"""Images of predictions: beside the ground truth, as errors in colour, over the cells of a grid."""

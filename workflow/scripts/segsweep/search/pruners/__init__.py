"""Pruners, one a file: settings, which say at which epochs trials are judged, and one function.

`cutoff(pruner, scores, trial, minimize)` is the score that a trial needs at a rung, of the `scores` of all trials that
came to it (None for one that failed before); None where nothing can be said. Or `prunes(pruner, score, others,
minimize, epoch, curve, runs, best_runs)` says whether a trial is pruned: by its score, those of the others at its
rung, its metric after each epoch, the scores of its runs, and those of the best trial that was there before it (None
where there is none).
"""

"""Pruners, one a file: settings, and three functions.

`rungs(pruner, total_epochs, bracket)` are the epochs after which a trial of a bracket is judged, ascending, all below
`total_epochs`. `bracket_sizes(pruner, total_epochs)` are the shares of trials that the brackets get, the one that
prunes earliest first. `cutoff(pruner, scores, trial, minimize)` is the score that a trial needs at a rung, of the
`scores` of all trials that came to it (None for one that failed before); None where nothing can be said.
"""

"""Adaptive search: what to train next, as a chain of decisions that are files.

A step's file is `decisions.decide(study, state of the step before, results of the runs that it requested)`. Nothing is
imported along with the package: `proposals` and `samplers` need optuna, and only a step that proposes imports them.
"""

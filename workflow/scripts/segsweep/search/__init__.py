"""Adaptive search: what to train next, as a chain of decisions that are files.

A step's file is `state.decide(study, state of the step before, results that it asked for)`. Nothing here is
imported along with the package: only `samplers` needs optuna, and only while it proposes.
"""

"""Samplers, one a file: settings, facts, and `build(settings, seed, axes)`, which makes Optuna's sampler."""

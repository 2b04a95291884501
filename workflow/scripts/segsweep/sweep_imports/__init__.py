"""Sweeps that W&B, Hydra or Optuna has, written as study files: what they define, not what they found."""

"""A trial that does nothing but import what a training needs, under the launchers that people start trials with.

    python tests/benchmarks/launched_trial.py alone                                  # a process a trial, as W&B agents
    python tests/benchmarks/launched_trial.py hydra -m hydra/launcher=joblib hydra.launcher.n_jobs=1 +lr=1,2,3
    python tests/benchmarks/launched_trial.py ray 12                                 # trials, on one core

Hydra, its joblib launcher and Ray Tune are no dependencies of this project: a Python that has them is named in
PYTHON_OF_RIVALS (`pip install hydra-core hydra-joblib-launcher 'ray[tune]'`, beside torch and
segmentation_models_pytorch).
"""

import os
import sys
from importlib import import_module


def trial(config: object = None) -> None:
    """What a trial imports."""
    for name in ("torch", "albumentations", "segmentation_models_pytorch"):
        import_module(name)


def with_hydra() -> None:
    """Trials of Hydra's multirun."""
    import hydra

    hydra.main(version_base=None)(trial)()


def with_ray(trials: int) -> None:
    """Trials of Ray Tune, one at a time."""
    import ray
    from ray import tune

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)

    def function(config: dict) -> None:
        trial(config)
        tune.report({"score": config["lr"]})

    space = {"lr": tune.grid_search(list(range(trials)))}
    found = tune.Tuner(function, param_space=space).fit()
    ray.shutdown()
    if len(found) != trials or found.errors:
        raise SystemExit(f"{len(found)} of {trials} trials, with the errors {found.errors}")


if __name__ == "__main__":
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    launcher = sys.argv.pop(1)
    if launcher == "ray":
        with_ray(int(sys.argv[1]))
    else:
        {"alone": trial, "hydra": with_hydra}[launcher]()

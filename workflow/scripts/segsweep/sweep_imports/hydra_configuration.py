"""A configuration of Hydra, composed as its program would compose it, plugins that are not installed included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from segsweep.errors import InputError

OPTUNA_SWEEPER = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
# What the sweeper has, as its plugin starts with it: only what is there can be overridden.
OPTUNA_KEYS = {
    "_target_": OPTUNA_SWEEPER,
    "direction": "minimize",
    "storage": None,
    "study_name": None,
    "n_trials": 20,
    "n_jobs": 2,
    "max_failure_rate": 0.0,
    "params": None,
    "search_space": None,
    "custom_search_space": None,
}
SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "grid": "GridSampler",
    "nsgaii": "NSGAIISampler",
    "motpe": "MOTPESampler",
}
# Groups of plugins, whose choices say nothing of what is searched.
OTHER_PLUGINS = {
    "hydra/launcher": ("joblib", "submitit_local", "submitit_slurm", "ray", "ray_aws", "rq"),
    "hydra/hydra_logging": ("colorlog",),
    "hydra/job_logging": ("colorlog",),
    "hydra/sweeper": ("ax", "nevergrad"),
}


class NotComposed(Exception):
    """Why Hydra cannot compose a configuration."""


@dataclass(frozen=True)
class HydraConfiguration:
    """A composed configuration.

    Attributes:
        values: the application's configuration, without `hydra`.
        hydra: Hydra's own part.
        choices: the configuration chosen in each group.
        sweeps: overrides of the multirun, those of the configuration first.
        problem: why it could not be composed, if so: then it is the file alone.
    """

    values: DictConfig
    hydra: DictConfig
    choices: dict[str, Any]
    sweeps: list[Override]
    problem: str = ""

    def value(self, key: str) -> Any:
        """The value at a dotted key, or the choice of a group; None where there is none, or it needs a running job."""
        if key in self.choices:
            return self.choices[key]
        try:
            value = OmegaConf.select(self.values, key)
        except OmegaConfBaseException:
            return None
        return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value

    def names(self) -> list[str]:
        """Dotted names of all values."""
        return list(_dotted(OmegaConf.to_container(self.values, resolve=False), ()))

    def sweeper(self) -> dict[str, Any]:
        """What the configuration says of the sweeper."""
        return _resolved(self.hydra.get("sweeper"))


def composed(folder: Path, config_name: str, fixed: Sequence[str], sweeps: Sequence[str]) -> HydraConfiguration:
    """Compose a configuration.

    Args:
        folder: of the configuration.
        config_name: of the one that is loaded first.
        fixed: overrides with one value, groups among them.
        sweeps: overrides with several.

    Raises:
        NotComposed: Hydra cannot.
        InputError: an override is none.
    """
    _add_plugins()
    with initialize_config_dir(config_dir=str(folder.resolve()), version_base=None):
        try:
            config = compose(config_name, overrides=list(fixed), return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise NotComposed(_first_lines(error)) from error
        hydra = config.hydra
        values = OmegaConf.masked_copy(config, [name for name in config if name != "hydra"])
        return HydraConfiguration(values, hydra, dict(hydra.runtime.choices), _overrides(hydra, sweeps))


def alone(path: Path, sweeps: Sequence[str], problem: str = "") -> HydraConfiguration:
    """A configuration file as it is, of a multirun that ended or of one that cannot be composed.

    Raises:
        InputError: it is no configuration, or an override is none.
    """
    try:
        config = OmegaConf.load(path)
    except (OmegaConfBaseException, ValueError, OSError) as error:
        raise InputError(f"{path}: is no configuration of Hydra ({error}).") from error
    hydra = config.pop("hydra", None) or OmegaConf.create({})
    sweeper = _chosen(config.pop("defaults", None) or [], "hydra/sweeper")
    if sweeper == "optuna" and "_target_" not in hydra.get("sweeper", {}):
        hydra = OmegaConf.merge({"sweeper": {"_target_": OPTUNA_SWEEPER}}, hydra)
    choices = OmegaConf.select(hydra, "runtime.choices") or {}
    return HydraConfiguration(config, hydra, dict(choices), _overrides(hydra, sweeps), problem)


def _chosen(defaults: Sequence[Any], group: str) -> str | None:
    """What a list of defaults chooses in a group."""
    for entry in defaults:
        for name, choice in entry.items() if isinstance(entry, DictConfig) else ():
            if str(name).removeprefix("override").strip().removeprefix("/") == group:
                return choice
    return None


def parsed(words: Sequence[str]) -> list[Override]:
    """Overrides of a command line.

    Raises:
        InputError: one is none.
    """
    loader = GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None
    try:
        return OverridesParser.create(config_loader=loader).parse_overrides(list(words))
    except HydraException as error:
        raise InputError(
            f"{' '.join(words)}: {_first_lines(error)} Write overrides as for Hydra's --multirun."
        ) from error


def _first_lines(error: Exception) -> str:
    return " ".join(f"{line.strip().rstrip('.')}." for line in str(error).splitlines()[:2])


def _overrides(hydra: DictConfig, sweeps: Sequence[str]) -> list[Override]:
    """The sweeper's own parameters, and those of the command line, which count where both name one."""
    own = _resolved(hydra.get("sweeper")).get("params") or {}
    words = [f"{name}={_written(value)}" for name, value in own.items()]
    found = {override.get_key_element(): override for override in parsed([*words, *sweeps])}
    return list(found.values())


def _resolved(section: DictConfig | None) -> dict[str, Any]:
    """A section as plain values; what speaks of a running job stays as it is written."""
    try:
        return OmegaConf.to_container(section, resolve=True) if section else {}
    except OmegaConfBaseException:
        return OmegaConf.to_container(section)


def _dotted(values: dict[Any, Any], path: tuple[str, ...]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _dotted(value, (*path, str(name)))
        else:
            yield ".".join((*path, str(name)))


def _written(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _add_plugins() -> None:
    """Tell Hydra of what plugins would add, so that a configuration that names them is composed without them."""
    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="optuna", node={"defaults": [{"sampler": "tpe"}], **OPTUNA_KEYS})
    for name, class_name in SAMPLERS.items():
        node = {"_target_": f"optuna.samplers.{class_name}", "seed": None}
        store.store(group="hydra/sweeper/sampler", name=name, node=node)
    for group, names in OTHER_PLUGINS.items():
        for name in names:
            store.store(group=group, name=name, node={"_target_": f"{group}/{name}"})

"""What the command of a Hydra application says besides the parameters: epochs, seed, and where its files go."""

from collections.abc import Iterable

from hydra.core.override_parser.types import Override

from segsweep.errors import InputError
from segsweep.sweep_imports.definition import Arguments, Definition
from segsweep.sweep_imports.hydra_configuration import HydraConfiguration, NotComposed, composed, parsed
from segsweep.sweep_imports.known_names import Role, nearest_to_root, role_of
from segsweep.sweep_imports.program_source import read_program

RUN_FOLDER = "hydra.run.dir={out}"
CONFIG_NAME = "--config-name="


def values_in_force(configuration: HydraConfiguration, said: Iterable[str]) -> list[str]:
    """Epochs and seed of the configuration as overrides, for segsweep to fill in.

    Args:
        configuration: of the application.
        said: keys that the command or the sweep sets already.
    """
    said = [key.lstrip("+") for key in said]
    roles = {role_of(key) for key in said}
    keys = {role: nearest_to_root(configuration.names(), role) for role in (Role.EPOCHS, Role.SEED)}
    return [f"{key}={configuration.value(key)}" for role, key in keys.items() if key and role not in roles]


def run_words(configuration: HydraConfiguration) -> list[str]:
    """What makes a start of the application one run, with its files where segsweep looks for them."""
    mode = str(configuration.hydra.get("mode") or "")
    return [RUN_FOLDER, *(["hydra.mode=RUN"] if mode.endswith("MULTIRUN") else [])]


def complete(definition: Definition) -> None:
    """Complete a command that passes overrides to an application of Hydra, as that of a W&B sweep may, by what the
    application's configuration says."""
    main = read_program(definition.program).hydra
    if main is None or main.config_path is None or not _passes_overrides(definition):
        return
    folder = (definition.program.parent / main.config_path).resolve()
    words = [word for word in definition.command if isinstance(word, str)]
    name = next((word.removeprefix(CONFIG_NAME) for word in words if word.startswith(CONFIG_NAME)), main.config_name)
    fixed = [override for word in words if (override := _override(word))]
    try:
        configuration = composed(folder, name, [one.input_line for one in fixed], [])
    except NotComposed as error:
        definition.command.append(RUN_FOLDER)
        definition.remark("command", text=f"Hydra could not compose the configuration. {error}")
        return
    said = [*(one.key_or_group for one in fixed), *definition.axes, *definition.constants]
    definition.command += [*values_in_force(configuration, said), *run_words(configuration)]
    definition.code.append(folder)
    definition.base |= {axis: configuration.value(axis) for axis in definition.axes}


def _passes_overrides(definition: Definition) -> bool:
    return Arguments.ASSIGNMENTS in definition.command and RUN_FOLDER not in definition.command


def _override(word: str) -> Override | None:
    """A word of a command as an override; None where it is none."""
    if word.startswith("-") or "=" not in word:
        return None
    try:
        return parsed([word])[0]
    except InputError:
        return None

"""What the job of a segment adds to what planning has filled in: files, folders and the command itself."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from segsweep.config.dotted_keys import flat
from segsweep.execution.warm_client import THREAD_VARIABLES
from segsweep.io import write_text
from segsweep.planning.plan_file import SegmentPlan
from segsweep.programs.hydra_overrides import hydra_overrides
from segsweep.programs.process import SEGMENT_VARIABLE
from segsweep.programs.template import complete, complete_parameters
from segsweep.programs.template_syntax import names
from segsweep.store.segment_store import PROGRAM_FILES

CONFIG_FILES = {"config": "config.yaml", "config:json": "config.json"}


def placeholders(program: Mapping[str, Any]) -> set[str]:
    """The placeholders that planning has left in what a program is called with."""
    texts = [program["command"], *program["environment"].values()]
    todo = list(flat(program["config"]).values())
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            todo += value
    return {name for text in texts for name in names(text)}


def called_with(
    segment: SegmentPlan, part: Path, *, resume: bool, device: str, threads: int, environ: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """The command of a segment and the program's environment; writes the files of its parameters.

    Args:
        segment: of a program.
        part: the segment's unfinished folder; the program's own one is `out` in it.
        resume: whether there is something to resume.
        device: `cpu`, `cuda` or `cuda:N`.
        threads: on the processor.
        environ: the environment of the job.
    """
    part = part.resolve()
    values = {
        "out": str(part / PROGRAM_FILES),
        "until": segment.last_epoch,
        "resume": resume,
        "device": device.partition(":")[0],
        "threads": threads,
    }
    values |= {name: str(part / file) for name, file in CONFIG_FILES.items()}
    config = complete_parameters(segment.program["config"], values)
    write_text(part / CONFIG_FILES["config"], yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    write_text(part / CONFIG_FILES["config:json"], json.dumps(config, indent=1) + "\n")
    values["overrides"] = hydra_overrides(_not_named(config, segment.program["named"]))
    own = {name: complete(text, values) for name, text in segment.program["environment"].items()}
    usual = {name: str(threads) for name in THREAD_VARIABLES} | {"PYTHONUNBUFFERED": "1"}
    environment = usual | dict(environ) | _visible_gpu(device, environ) | own | {SEGMENT_VARIABLE: str(part)}
    return complete(segment.program["command"], values, shell=True), environment


def _not_named(config: Mapping[str, Any], named: Iterable[str]) -> dict[str, Any]:
    """The parameters by dotted name, without those that the command names, alone or by their section."""
    beginnings = tuple(f"{name}." for name in named)
    return {name: value for name, value in flat(config).items() if not f"{name}.".startswith(beginnings)}


def _visible_gpu(device: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What CUDA_VISIBLE_DEVICES has to be, so that a program that takes any GPU takes this one, or none."""
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return {"CUDA_VISIBLE_DEVICES": ""}
    if not number:
        return {}
    seen = [name.strip() for name in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return {"CUDA_VISIBLE_DEVICES": seen[int(number)] if int(number) < len(seen) else number}

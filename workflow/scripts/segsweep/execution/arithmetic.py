"""Which arithmetic a device has, and which it only emulates. Imports torch only to look at a device of torch's."""

import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.execution.cuda import shows_gpu
from segsweep.execution.gpus import capabilities

if TYPE_CHECKING:
    import torch

AUTO = "auto"
CPUINFO = Path("/proc/cpuinfo")
# Flags of x86 processors, and of ARM's, for products of bfloat16. Without them oneDNN computes in float32 and converts.
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
# Device files of accelerators that nvidia-smi does not know, or where it lacks.
OTHER_GPUS = (Path("/dev/kfd"), Path("/dev/dxg"), Path("/dev/nvidiactl"))
SLOW = "slower than fp32"


@dataclass(frozen=True)
class Arithmetic:
    """What a device computes with.

    Attributes:
        name: of the device, as the start of a sentence.
        has_bf16, has_fp16: whether products of these are faster than those of float32, and not emulated.
    """

    name: str
    has_bf16: bool
    has_fp16: bool

    @property
    def best(self) -> str:
        """What `precision: auto` takes."""
        return "bf16" if self.has_bf16 else "fp16" if self.has_fp16 else "fp32"

    def emulated(self, precision: str) -> str:
        """What there is to say where the device only emulates a precision; else nothing."""
        if precision == AUTO or {"bf16": self.has_bf16, "fp16": self.has_fp16}.get(precision, True):
            return ""
        return (
            f"precision: {precision}: {self.name} has no arithmetic for it and emulates it, {SLOW}. Write "
            f"`precision: {self.best}`, which it has, or `{AUTO}`, which takes what a device has."
        )


def of_processor(cpuinfo: Path = CPUINFO) -> Arithmetic:
    """Of this machine's processor; float16 it converts whatever it is."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return Arithmetic("this machine's CPU", bool(BF16_FLAGS & set(flags.split())), has_fp16=False)


def of_processor_name(cpuinfo: Path = CPUINFO) -> str:
    """What this machine's processor is called: `AMD EPYC 7B13`; its architecture where that is not told."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    found = next((line for line in lines if line.startswith("model name")), "")
    return found.partition(":")[2].strip() or platform.machine()


def of_gpu(name: str, capability: tuple[int, int]) -> Arithmetic:
    """Of a GPU of Nvidia's, by its compute capability."""
    return Arithmetic(name, has_bf16=capability >= (8, 0), has_fp16=capability >= (7, 0))


def of_device(device: "torch.device") -> Arithmetic:
    """Of a device of torch's."""
    import torch

    if device.type != "cuda":
        return of_processor()
    name = torch.cuda.get_device_name(device)
    with torch.cuda.device(device):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    has_fp16 = bool(torch.version.hip) or of_gpu(name, torch.cuda.get_device_capability(device)).has_fp16
    return Arithmetic(name, has_bf16, has_fp16)


def has_gpu() -> bool:
    """Whether this machine may have a GPU of any kind, as its device files say."""
    return shows_gpu() or any(map(os.path.exists, OTHER_GPUS))


def of_this_machine(device: str) -> list[Arithmetic]:
    """Of what a device's name (`auto`, `cpu`, `cuda`, `cuda:N`) may stand for here, without torch; none if unknown."""
    if device == "cpu":
        return [of_processor()]
    found = [of_gpu(name, capability) for name, capability in capabilities()]
    if found:
        return found
    elsewhere = device != AUTO or shutil.which("nvidia-smi") or any(map(os.path.exists, OTHER_GPUS))
    return [] if elsewhere else [of_processor()]


def about_precisions(precisions: Iterable[str], device: str) -> list[str]:
    """Sentences on precisions that a study asks for and that this machine emulates on a device."""
    asked = sorted(set(precisions) - {"fp32", AUTO})
    machine = of_this_machine(device) if asked else []
    return list(dict.fromkeys(said for one in machine for precision in asked if (said := one.emulated(precision))))

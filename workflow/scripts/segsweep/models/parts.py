"""The parts of a network: its encoder is what lies under an attribute named `encoder`, its decoder all the rest."""

from torch import nn


def part_of(name: str) -> str:
    """`encoder` or `decoder`: the part to which a parameter or module of this dotted name belongs."""
    return "encoder" if "encoder" in name.split(".") else "decoder"


def encoders(network: nn.Module) -> list[nn.Module]:
    """The encoder of a network, or several; none where there is none."""
    return [
        module
        for name, module in network.named_modules()
        for above, _, last in [name.rpartition(".")]
        if last == "encoder" and part_of(above) == "decoder"
    ]

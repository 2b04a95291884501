"""Weighted sums of losses, over the main head and the auxiliary ones."""

import torch
from torch import nn

from segsweep import registry
from segsweep.config.losses import Terms
from segsweep.losses.present_classes import Present


class Sum(nn.Module):
    """sum of weight * loss over the terms of a setting.

    `forward(logits, target, present)` gives each term's value without its weight, by name; `weighted` adds them up.
    """

    def __init__(self, terms: Terms, classes: int, class_weights: torch.Tensor | None = None):
        super().__init__()
        active = terms.active()
        self.weights = {name: term.weight for name, term in active.items()}
        self.ask_present = {name for name, term in active.items() if term.asks_present}
        self.losses = nn.ModuleDict(
            {name: registry.load(term).build(term, classes, class_weights) for name, term in active.items()}
        )

    def forward(
        self, logits: torch.Tensor, target: torch.Tensor, present: Present | None = None
    ) -> dict[str, torch.Tensor]:
        return {
            name: loss(logits, target, present) if name in self.ask_present else loss(logits, target)
            for name, loss in self.losses.items()
        }

    def weighted(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        return sum(self.weights[name] * value for name, value in values.items())


class Combined(nn.Module):
    """main + aux_weight * (sum over the auxiliary heads of aux).

    Args:
        main: terms for the main head.
        aux: terms for each auxiliary head; as `main` if None.
        aux_weight: factor of the auxiliary heads' sum.
        classes: logits of a pixel.
        class_weights: float32 (C,), C of at least 2, for the terms that take them.

    `forward(outputs, target, present)`: outputs are logits (B, classes, H, W), or {"main": logits, "aux": [logits,
    ...]}; target int64 (B, H, W), 255 void; present the classes of each image, where they are known. Returns "loss"
    and, if it is made of more than one part, each part without its weight and without gradients: "loss_<term>" of the
    main head, and "loss_aux", the auxiliary heads' sum.
    """

    def __init__(
        self,
        main: Terms,
        aux: Terms | None = None,
        aux_weight: float = 1.0,
        *,
        classes: int,
        class_weights: torch.Tensor | None = None,
    ):
        super().__init__()
        self.main = Sum(main, classes, class_weights)
        self.aux = self.main if aux is None else Sum(aux, classes, class_weights)
        self.aux_weight = aux_weight

    def forward(
        self,
        outputs: torch.Tensor | dict[str, torch.Tensor | list[torch.Tensor]],
        target: torch.Tensor,
        present: Present | None = None,
    ) -> dict[str, torch.Tensor]:
        main, auxiliary = (outputs["main"], outputs["aux"]) if isinstance(outputs, dict) else (outputs, [])
        parts = self.main(main, target, present)
        loss = self.main.weighted(parts)
        if auxiliary:
            parts["aux"] = sum(self.aux.weighted(self.aux(logits, target, present)) for logits in auxiliary)
            loss = loss + self.aux_weight * parts["aux"]
        named = {f"loss_{name}": part.detach() for name, part in parts.items()} if len(parts) > 1 else {}
        return {"loss": loss, **named}

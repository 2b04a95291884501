"""Which location answers for which box."""

import torch

from segsweep.detection.boxes import areas, encode

# A level answers for boxes whose farthest side is at most this many of its strides away from the location: with strides
# of 8, 16 and 32, up to 32, up to 64 and more pixels. FCOS has 8 strides, for images of 800 pixels and more and
# five levels up to a stride of 128; images of 64 to 320 pixels would then hardly ever use the upper levels.
REACH = 4.0
RADIUS = 1.5  # of the centre sampling, in strides, as in FCOS
NOTHING = -1


def assign(
    locations: torch.Tensor, strides: torch.Tensor, boxes: torch.Tensor, reach: float = REACH, radius: float = RADIUS
) -> torch.Tensor:
    """The box that each location answers for, by its index; -1 where there is none.

    A location answers for a box if it lies inside of it, not farther than `radius` strides from its centre (in x and
    in y), and if the box is of the size of its level: the farthest side is more than `reach` / 2 and at most `reach`
    strides away, without the lower bound on the finest level and without the upper one on the coarsest. A box for which
    that leaves no location at all (a thin one, between two columns of its level) takes what lies inside of it near its
    centre on any level; one that lies between the finest locations as well is left out. Of several boxes the smallest
    wins, of equal ones the first.

    Args:
        locations: float (N, 2), x and y in pixels.
        strides: float (N,), pixels.
        boxes: float (n, 4) corners in pixels; n may be 0.

    Returns:
        int64 (N,).

    Source: Tian et al. 2019, sections 3.1 and 3.2; centre sampling from the authors' code.
    """
    if not len(boxes):
        return torch.full((len(locations),), NOTHING, dtype=torch.int64, device=locations.device)
    spread = boxes.expand(len(locations), *boxes.shape)  # (N, n, 4)
    distances = encode(locations, spread, strides)  # (N, n, 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    offsets = (locations[:, None] - centres).abs().amax(dim=-1) / strides[:, None]  # (N, n)
    inside = (distances.amin(dim=-1) > 0) & (offsets <= radius)

    farthest = distances.amax(dim=-1)
    lower = torch.where(strides == strides.min(), 0.0, reach / 2)[:, None]
    upper = torch.where(strides == strides.max(), torch.inf, reach)[:, None]
    of_its_level = inside & (farthest > lower) & (farthest <= upper)
    candidates = torch.where(of_its_level.any(dim=0), of_its_level, inside)  # (N, n)

    cost = torch.where(candidates, areas(boxes), torch.inf)
    smallest, index = cost.min(dim=1)
    return torch.where(smallest.isfinite(), index, NOTHING)


def centerness(distances: torch.Tensor) -> torch.Tensor:
    """How central a location lies in its box, 0..1: sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)).

    `distances`: float (..., 4), left, top, right, bottom, all positive, in any unit. Returns float (...).

    Source: Tian et al. 2019, eq. 3.
    """
    across, along = distances[..., 0::2], distances[..., 1::2]  # no lists: they would be copied to a GPU
    ratios = (across.amin(-1) / across.amax(-1)) * (along.amin(-1) / along.amax(-1))
    return ratios.clamp(min=0).sqrt()

"""Colours that colour-blind people can tell apart.

Source: Okabe & Ito, "Color Universal Design", 2008; Tol, "Colour schemes", SRON technical note, 2021.
"""

import numpy as np

RIGHT, FALSE_POSITIVE, FALSE_NEGATIVE, OTHER_CLASS = (64, 64, 64), (230, 159, 0), (0, 114, 178), (204, 121, 167)
VOID, UNSCORED = (255, 255, 255), (220, 220, 220)
TRUTH, PREDICTION = (0, 158, 115), (213, 94, 0)

OKABE_ITO = [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)]
# For more classes than seven no scheme is safe; Tol's discrete rainbow keeps lightness apart, and legends name classes.
RAINBOW = [
    (209, 187, 215), (174, 118, 163), (136, 46, 114), (25, 101, 176), (82, 137, 199), (123, 175, 222), (78, 178, 101),
    (144, 201, 135), (202, 224, 171), (247, 240, 86), (246, 193, 65), (241, 147, 45), (232, 96, 28), (220, 5, 12),
    (114, 25, 14), (119, 119, 119), (66, 33, 80), (0, 68, 85), (51, 117, 56), (190, 160, 110),
]  # fmt: skip


def of_classes(names: list[str]) -> np.ndarray:
    """One colour a class, uint8 (C, 3). A first class named background is black and stays unpainted in overlays."""
    rest = names[1:] if has_background(names) else names
    colours = OKABE_ITO if len(rest) <= len(OKABE_ITO) else RAINBOW
    chosen = [colours[i % len(colours)] for i in range(len(rest))]
    return np.array(([(0, 0, 0)] if has_background(names) else []) + chosen, dtype=np.uint8).reshape(-1, 3)


def has_background(names: list[str]) -> bool:
    """Whether the first class is what is left when nothing else is there."""
    return bool(names) and names[0].lower() in ("background", "paper")

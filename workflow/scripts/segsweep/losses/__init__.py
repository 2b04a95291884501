"""Losses by name, one module each, with `build(term, classes, class_weights)`; imported only when a setting names it.

Each gives a module `forward(logits, target)`: logits (B, classes, H, W) of any floating type, target int64 (B, H, W)
with classes 0 to C - 1 (one logit: 0 and 1) and 255 for void; a float32 scalar comes back. Void pixels count nowhere.
If all are void, the loss is 0 and so are its gradients.
"""

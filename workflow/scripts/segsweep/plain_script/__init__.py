"""A trained run as one plain file: a script of torch, segmentation_models_pytorch, numpy and PIL that trains it again.

What computes something (losses, schedules, networks, scores) is copied out of the package, definition by definition
(`copied_code`), so that nothing of it is written twice; what holds it together (settings, batches, the loop) is
`script.py.j2`. Neither holds anything that the run does not use, and what cannot be written out is refused by name
(`coverage`).
"""

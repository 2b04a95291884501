"""Verdicts of findings.csv."""

STATED = ("better", "worse", "edge", "interact", "rises", "falls")  # passed the study's correction

"""Sections of a report. Each sentence comes from a rule: a function that gives it where its condition holds."""

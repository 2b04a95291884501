"""The packages of the wheel: those of the library, and in one of them what else studies need (pyproject.toml)."""

from setuptools import find_packages, setup

PROJECT = ["segsweep.project.workflow", "segsweep.project.config", "segsweep.project.envs"]

setup(packages=[*find_packages("workflow/scripts", include=["segsweep", "segsweep.*"]), *PROJECT])

"""Telling trackers of experiments of a study's runs, beside its training or after it.

A process of its own reads the plan and the store, as `make status` does, and passes on what is new; trainings know
nothing of it. So a tracker that is slow, full or gone stops no job, enters no address, and sees the epochs that runs
share in each of them.
"""

"""Trackers of experiments, one a file: a class with its facts (`segsweep.config.components.Tracker`), and

    begin(folder, run) -> log of the run

`folder` is the tracker's own, results/<study>/trackers/<name>, and `run` a `segsweep.tracking.tracked_run.TrackedRun`.
What the tracker holds of this run already is forgotten, so that no epoch is there twice. The log has

    add(epochs)     a list of `segsweep.tracking.tracked_run.Epoch`, to be seen when it returns; an epoch may come again
                    with columns that it lacked before
    end(outcome)    a `segsweep.tracking.tracked_run.Outcome`: nothing more will come

Modules import their libraries in functions of this kind only where a study asks for the tracker. What they raise never
reaches a training: `segsweep.tracking.passing_on` says it in a line and tries again later.
"""

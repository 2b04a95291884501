"""Studies that were trained, from Python: what `segsweep.open` returns (docs/python.md).

opening               the folder that a name means
opened_study          a study: its tables, its best run, its ensemble
opened_run            a run: setting, scores, network, predictions
opened_ensemble       its ensemble
prediction_methods    what a run and an ensemble predict
predicting            that, with torch
frames                a table as a pandas frame

Importing this package needs neither torch nor pandas; they are imported where a network or a table is asked for.
"""

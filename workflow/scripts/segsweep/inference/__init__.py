"""Models that decide together, and what a study hands in for the test split.

`masks`, `boxes` and `segsweep.text.voting` merge what several models found in one picture; `jury` does it for a task;
`scoring` measures members, ensemble and single model on pictures that none of them was trained on; `predicting` writes
predictions in the format that the evaluation of the task takes.
"""

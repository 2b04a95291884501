"""One segment of a run: the loop, what it is made of, and the job around it."""

"""What surrounds a training: the job, packs of jobs, warm processes, GPUs, requeueing."""

"""What trains a segment. A trainer is a component: a file with its class, and two functions.

    describe_device(name) -> {"device": "cuda:0", "gpu": ..., ...}
        What a device's name (`auto`, `cpu`, `cuda`, `cuda:N`) stands for on this machine.

    train(segment, store, *, device, threads, selections, should_stop, report, note) -> outcome
        Train the epochs of a segment (`SegmentPlan`) in the folder `store.part(segment.id)` of a `SegmentStore`,
        resuming where an interrupted job left off. It writes epochs.csv (a row an epoch), and what else it can of a
        segment's files (see `segsweep.store.segment_store`): counts.npz, weights and counts of images of the epochs
        that are kept, last.pt. `selections` are kept besides the segment's own (`max val/dice`). `should_stop()` is
        asked often; `report(row, best)` is told of each epoch, `note(text)` of what happens besides.

        The outcome: {"status": finished | early_stopped | diverged | oom | interrupted, "detail", "epochs" (trained so
        far), "best" ({"max val/miou": {"epoch", "value", "segment"}}), "parameters", "checkpoint_mb", "train_seconds",
        "peak_memory_mb", "effective_batch", "micro_batch", "precision"}; None, or nothing of the last, for what it does
        not know. Further fields of the record (`SegmentRecord`) take the place of the plan's.

The job around it (`segsweep.execution.segment_job`), planning, the store and the analysis know nothing else of it.
"""

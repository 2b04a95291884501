"""What a training leaves behind in its process, put back before the next one begins there.

Of what a training changes in a process, this is all that another one could read: generators, determinism and TF32,
threads, the default dtype, the environment, memory and its peak. What no one can put back (modules of own
code, threads and processes that still run) ends the process instead.

Algorithms that cuDNN has chosen stay known to a process. Torch keeps them by the convolution's shape and by whether it
is to be deterministic; a deterministic training takes the same ones in any process (`seeding.set_determinism`).
"""

import gc
import os
import random
import threading
from multiprocessing import active_children

import cv2
import numpy as np
import torch

from segsweep.own_code.loading import imported_files
from segsweep.training.memory import forget_peak

SWITCHES = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (cv2.getNumThreads, cv2.setNumThreads),
)
ATTRIBUTES = (
    (torch.utils.deterministic, "fill_uninitialized_memory"),
    (torch.backends.cudnn, "enabled"),
    (torch.backends.cudnn, "deterministic"),
    (torch.backends.cudnn, "benchmark"),
    (torch.backends.cuda.matmul, "fp32_precision"),
    (torch.backends.cudnn.conv, "fp32_precision"),
    (torch.backends.cudnn.rnn, "fp32_precision"),
)


class ProcessState:
    """The state of this process when it was made."""

    def __init__(self):
        self._environ = dict(os.environ)
        self._switches = [(switch, value()) for value, switch in SWITCHES]
        self._attributes = [(owner, name, getattr(owner, name)) for owner, name in ATTRIBUTES]
        self._seed = torch.initial_seed()
        self._torch_state, self._numpy_state = torch.get_rng_state(), np.random.get_state()
        self._threads = set(threading.enumerate())

    def restore(self) -> bool:
        """Put the process back into this state; False where that cannot be done."""
        gc.collect()
        if imported_files or active_children() or set(threading.enumerate()) - self._threads:
            return False
        try:
            forget_peak()
        except OSError:
            return False
        os.environ.clear()
        os.environ.update(self._environ)
        for switch, value in self._switches:
            switch(value)
        for owner, name, value in self._attributes:
            setattr(owner, name, value)
        torch.manual_seed(self._seed)  # those of all GPUs as well
        torch.set_rng_state(self._torch_state)
        np.random.set_state(self._numpy_state)
        random.seed()  # as Python does in each forked process
        torch.clear_autocast_cache()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
            torch.cuda.empty_cache()  # other processes share the GPU
            torch.cuda.reset_peak_memory_stats()
        return True

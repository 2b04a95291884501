"""Memory for batches that is used again."""

import weakref

import numpy as np


class Buffers:
    """Blocks of memory; one is handed out again once nothing refers to what it was handed out for.

    Memory fresh from the system comes page by page, which takes longer than to copy the pictures into it. There are
    never more blocks than were in use at a time. Any thread may ask and let go.

    Not to be pinned: a copy to a GPU that is still under way when its batch is let go would read the next one.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self, size: int) -> np.ndarray:
        """uint8 (size,) of any content. Arrays and tensors that are views of it keep it from being used again."""
        try:
            block = self._free.pop()
        except IndexError:
            block = bytearray(size)
        if len(block) < size:
            block = bytearray(size)
        # What is cut out of an array refers to that array as long as the array does not own its memory, as here.
        array = np.frombuffer(block, np.uint8, size)
        weakref.finalize(array, self._free.append, block).atexit = False
        return array

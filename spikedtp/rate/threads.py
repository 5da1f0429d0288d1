"""One thread for the network's products. No science."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # finding them takes milliseconds, using them microseconds


def one_thread() -> AbstractContextManager:
    """BLAS and OpenMP on one thread inside the context.

    A product of 500 x 500 numbers takes 15 µs: waking a second thread for it gains nothing, and on a busy machine the
    two wait for each other for milliseconds: that is so for batches too (30 samples, another job on the same two cores:
    0.1 s on one thread, 7 s on two).
    """
    return _libraries().limit(limits=1)

"""One thread for the network's products. No science."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from functools import cache

from threadpoolctl import LibController, ThreadpoolController

from spikedtp.locks import Lock

__all__ = ["one_thread"]


@cache
def _libraries(kind: str) -> list[LibController]:
    return ThreadpoolController().select(user_api=kind).lib_controllers  # finding them takes milliseconds


class _Limit:
    """One thread in the libraries of a kind, until `lift`, which any thread may call."""

    def __init__(self, kind: str):
        numbers = [(library, library.num_threads) for library in _libraries(kind)]
        self._before = [(library, number) for library, number in numbers if number not in (None, 1)]
        self._set((library, 1) for library, _ in self._before)

    def lift(self) -> None:
        self._set(self._before)

    @staticmethod
    def _set(numbers: Iterable[tuple[LibController, int]]) -> None:
        for library, number in numbers:
            library.set_num_threads(number)
            if hasattr(library, "clear_controlling_thread"):  # or nobody else could lift it (threadpoolctl 3.8)
                library.clear_controlling_thread()


class _OneThread:
    """BLAS has one limit for the process: the last user lifts what the first set. OpenMP has one for each thread."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(inner=True), 0
        self._blas: _Limit | None = None
        self._here = threading.local()
        os.register_at_fork(after_in_child=self._forget_other_threads)

    def __enter__(self) -> None:
        depth = getattr(self._here, "depth", 0)
        self._here.depth = depth + 1
        if depth:
            return
        self._here.openmp = _Limit("openmp")
        with self._lock:
            if not self._users:
                self._blas = _Limit("blas")
            self._users += 1

    def __exit__(self, *error: object) -> None:
        self._here.depth -= 1
        if self._here.depth:
            return
        with self._lock:
            self._users -= 1
            if not self._users and self._blas is not None:
                self._blas.lift()
        self._here.openmp.lift()

    def _forget_other_threads(self) -> None:
        others = self._users - bool(getattr(self._here, "depth", 0))
        self._users -= others
        if others and not self._users and self._blas is not None:
            self._blas.lift()


_ONE_THREAD = _OneThread()


def one_thread() -> _OneThread:
    """BLAS and OpenMP on one thread inside the context.

    A product of 500 x 500 numbers takes 15 µs: waking a second thread for it gains nothing, and on a busy machine the
    two wait for each other for milliseconds: that is so for batches too (30 samples, another job on the same two cores:
    0.1 s on one thread, 7 s on two).
    """
    return _ONE_THREAD

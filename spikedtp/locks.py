"""Locks between threads that a copy, a pickle and a fork can live with. What they guard lives elsewhere."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from spikedtp.errors import SpikedtpError

__all__ = ["Exclusive", "Lock", "held"]

_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_registry = threading.RLock()
_held_for_fork: list[Lock] = []


class Lock:
    """A lock that its holder may take again. Copied or pickled with what it guards, it is a new one.

    A fork waits until no other thread holds one, or the child would have what it guards half changed, and locked for
    ever. So whoever holds a lock may wait for another lock only if that one is `inner`.

    Parameters
    ----------
    inner : bool
        Taken by those who already hold one that is not.
    """

    def __init__(self, *, inner: bool = False):
        self._inner, self._lock = inner, threading.RLock()
        with _registry:
            _locks.add(self)

    def __enter__(self) -> Lock:
        self._lock.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Callable[[bool], Lock], tuple[bool]]:
        return _new, (self._inner,)


def _new(inner: bool) -> Lock:
    return Lock(inner=inner)


def held(network: Any) -> AbstractContextManager:
    """No other thread changes this network inside, so that several looks at it see the same one."""
    return getattr(network, "_lock", nullcontext())


class Exclusive:
    """For one user at a time: another, its own caller included, is refused with a message and not kept waiting."""

    def __init__(self, refusal: str):
        self._refusal, self._lock = refusal, threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise SpikedtpError(self._refusal)

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Exclusive], tuple[str]]:
        return Exclusive, (self._refusal,)


def _before_fork() -> None:
    _registry.acquire()
    _held_for_fork[:] = sorted(_locks, key=lambda lock: lock._inner)
    for lock in _held_for_fork:
        lock.__enter__()


def _after_fork() -> None:
    while _held_for_fork:
        _held_for_fork.pop().__exit__()
    _registry.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)

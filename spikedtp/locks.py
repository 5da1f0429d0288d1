"""Locks between threads that work with copies, pickles and forks."""

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
    """A lock that its holder may take again. A copy or a pickle of it is a new lock.

    A fork waits until no other thread holds a lock. Otherwise the child would have half-changed data that are locked
    for ever. A thread that holds a lock may therefore wait for another lock only if that one is `inner`.

    Parameters
    ----------
    inner : bool
        Whether threads take it that already hold a lock that is not inner.
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
    """Inside, no other thread changes this network, so that several readings of it see the same state."""
    return getattr(network, "_lock", nullcontext())


class Exclusive:
    """A lock for one user at a time. Another one, even the same thread, is refused with a message and does not wait."""

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

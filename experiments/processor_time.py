"""CPU time, the measure of cost on a machine that does other work beside."""

from __future__ import annotations

import resource

__all__ = ["cpu_seconds"]


def cpu_seconds() -> float:
    """Of this process and of those that it has started and waited for, such as compiled simulations."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)

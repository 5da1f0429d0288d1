"""The random numbers of this package's own networks: in compiled code, ``exponential()`` draws many at a time."""

from __future__ import annotations

from spikedtp.brian2_internals import GENERATOR
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS as IN_ANY_NETWORK
from spikedtp.neurons.random_numbers import exponential

__all__ = ["RANDOM_NUMBERS"]

#: For the namespace of a group: the same numbers on every device as long as nothing else draws in between.
RANDOM_NUMBERS = IN_ANY_NETWORK | {
    "exponential": exponential(
        cpp=f"""
    static inline double _exponential(const int)
    {{
        return spikedtp::exponentials().next({GENERATOR});
    }}
    """
    )
}

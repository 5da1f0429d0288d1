"""How spikes are told apart: an event is the first spike after a pause, a burst is counted at its second spike."""

from __future__ import annotations

__all__ = ["DETECTED", "detection"]

#: Variables of a cell whose bursts are detected; its trace of recent spikes is one more.
DETECTED = """
    event : 1  # whether the last spike was one
    burst : 1
    """


def detection(recent: str, jump: str = "1") -> str:
    """Code for a spike. It sets `event` and `burst` to 0 or 1, and both are 0 from the third spike of a burst on.

    Parameters
    ----------
    recent : str
        The trace of recent spikes, which has decayed until now.
    jump : str
        What a spike adds to it.
    """
    return f"burst = event*int({recent} >= exp(-1))\nevent = int({recent} < exp(-1))\n{recent} += {jump}"

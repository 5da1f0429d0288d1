"""What commands say whose part is not built yet. Shrinks to nothing as the parts are built."""

from __future__ import annotations

from typing import NoReturn

from spikedtp.errors import SpikedtpError

__all__ = ["not_built"]


def not_built(part: str) -> NoReturn:
    """End the command with one line and status 2."""
    raise SpikedtpError(f"{part} is not built yet")

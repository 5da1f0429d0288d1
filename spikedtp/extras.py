"""Packages that are optional: imported where something of them is needed, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spikedtp.errors import SpikedtpError

__all__ = ["optional"]


def optional(package: str, extra: str) -> Any:
    """The module `package`, which comes with ``spikedtp[extra]``."""
    try:
        return import_module(package)
    except ImportError:
        raise SpikedtpError(f"this needs {package}: pip install 'spikedtp[{extra}]'") from None

"""Why a file is not read: what its readers raise, for `reading` to put into one line; and how text from it is shown."""

from __future__ import annotations

from typing import Any

__all__ = ["Damaged", "OtherFormat", "Refused", "Unfit", "shown"]


class Damaged(Exception):
    """The bytes are not what their format asks for."""


class Refused(Exception):
    """The pickle asks for something that could run code. The text names it."""


class Unfit(Exception):
    """Read well, but not what a rate network needs. The text says what to do."""


class OtherFormat(Exception):
    """A sound file of a format that is not read. The text names the format."""


def shown(text: Any) -> str:
    """Text from a file, safe to print on one line: short, without control characters."""
    if type(text) is not str:
        return f"of type {type(text).__name__}"
    return text[:120].encode("unicode_escape").decode()

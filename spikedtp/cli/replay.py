"""`spikedtp replay`: Drive one learning rule with given signals."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Drive one learning rule with given signals. (not built yet)"""
    not_built("'spikedtp replay'")

"""`spikedtp cache`: List or empty the cache of compiled projects."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """List or empty the cache of compiled projects. (not built yet)"""
    not_built("'spikedtp cache'")

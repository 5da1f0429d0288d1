"""`spikedtp repeat`: Run again what a manifest records and compare the results."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Run again what a manifest records and compare the results. (not built yet)"""
    not_built("'spikedtp repeat'")

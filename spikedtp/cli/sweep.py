"""`spikedtp sweep`: Run one job over a grid of settings and seeds."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Run one job over a grid of settings and seeds. (not built yet)"""
    not_built("'spikedtp sweep'")

"""`spikedtp report`: Gather results into one page."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Gather results into one page. (not built yet)"""
    not_built("'spikedtp report'")

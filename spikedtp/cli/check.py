"""`spikedtp check`: Check a circuit and its weights before a run."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Check a circuit and its weights before a run. (not built yet)"""
    not_built("'spikedtp check'")

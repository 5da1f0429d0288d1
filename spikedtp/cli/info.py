"""`spikedtp info`: Describe a circuit, a checkpoint or a results folder."""

from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command() -> None:
    """Describe a circuit, a checkpoint or a results folder. (not built yet)"""
    not_built("'spikedtp info'")

"""The `spikedtp` command: options and messages. The library does the work and is imported only when a command runs."""

from spikedtp.cli.app import main
from spikedtp.cli.outcome import run_script

__all__ = ["main", "run_script"]

"""The `spikedtp` command: options and messages. The work lives in the library, imported only when a command runs."""

from spikedtp.cli.app import main
from spikedtp.cli.outcome import run_script

__all__ = ["main", "run_script"]

"""One self-contained HTML page from a folder of results. Nothing is computed here."""

from spikedtp.report.page import write_report

__all__ = ["write_report"]

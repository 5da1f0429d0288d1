"""Words of short runs, and what the command line says when it refuses."""

from __future__ import annotations

import re

FEW = ["--samples", "20"]


def complaint(capsys) -> str:
    """The one line on stderr; nothing on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"spikedtp: error: [^\n]+\n", err), err
    return err

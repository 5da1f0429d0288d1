"""`spikedtp report`: the page of a command's folder says how to repeat it."""

from __future__ import annotations

import numpy as np
from report.reading import Page

from spikedtp.cli import main


def test_a_command_s_folder_says_how_to_repeat_it(tmp_path, capsys):
    signals = tmp_path / "signals.npz"
    np.savez(signals, pre=np.eye(4), post=np.eye(4), w0=np.zeros((4, 4)))
    out, page = tmp_path / "mine", tmp_path / "pages" / "page.html"
    assert main(["replay", "--rule", "STDP", "--signals", str(signals), "--out", str(out)]) == 0
    assert main(["report", str(out), "--out", str(page)]) == 0
    assert f"page: {page}\n" in capsys.readouterr().out
    found = Page(page.read_text(encoding="utf-8"))
    assert "spikedtp repeat mine" in found.text and "rule: STDP" in found.text
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]

"""The README's Python runs as it stands, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_its_python_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    found: dict = {}
    exec(code, found)
    assert found["rate"]["H2E_H1E"].shape == found["spiking"].weight_updates["H2E_H1E"].shape[-2:]
    assert len(found["table"]) == 3 * 5 * 3 and "noise_ceiling" in capsys.readouterr().out


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert len(links) > 5
    for link in links:
        assert link.startswith("https://") or (CHECKOUT / link).exists(), link


def test_its_commands_exist():
    from spikedtp.cli.app import app

    known = {command.name for command in app.registered_commands}
    assert set(re.findall(r"^spikedtp ([a-z]+)", README, flags=re.MULTILINE)) <= known

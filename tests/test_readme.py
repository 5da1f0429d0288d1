"""The README's Python runs as it stands, and the links of README and documentation lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CHECKOUT = Path(__file__).parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
MADE = ("rules/", "notebooks/", "gallery.md", "background.md")  # by `make docs`


def anchors(page: Path) -> set[str]:
    """What MyST and GitHub call the headings of a page."""
    headings = re.findall(r"^#{1,3} (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_its_python_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    found: dict = {}
    exec(code, found)
    assert found["rate"]["H2E_H1E"].shape == found["spiking"].weight_updates["H2E_H1E"].shape[-2:]
    assert f"```\n>>> spiking\n{found['spiking']}\n```\n" in README
    assert len(found["table"]) == 3 * 5 * 3 and "noise_ceiling" in capsys.readouterr().out


def test_the_python_of_own_spikes_runs(tmp_path, monkeypatch, capsys):
    """And prints what the page says; ΔW is the sum over all pairs of spikes."""
    monkeypatch.chdir(tmp_path)
    page = (CHECKOUT / "docs" / "own_spikes.md").read_text(encoding="utf-8")
    code, into_a_network = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[:2]
    found: dict = {}
    exec(code, found)
    assert f"# {capsys.readouterr().out.strip()}" in code
    table = pd.read_csv(tmp_path / "spikes.csv")
    trains = [table.time_ms[table.cell == cell].to_numpy() for cell in range(100)]
    for post, pre in ((0, 0), (17, 3), (39, 59)):
        lag = (trains[60 + post][:, None] - trains[pre]).ravel()
        change = 0.01 * (np.sign(lag) * np.exp(-np.abs(lag) / 20)).sum()
        assert found["result"].w[-1, post, pre] - 0.5 == pytest.approx(change, abs=1e-9)
    exec(into_a_network, found)
    assert f"# {capsys.readouterr().out.strip()}" in into_a_network
    recorded = np.zeros((20_000, 64), bool)
    recorded[np.round(table.time_ms * 10).astype(int)[table.cell < 64], table.cell[table.cell < 64]] = True
    wanted = recorded.reshape(4, 500, 10, 64)[:, :420].any(axis=2)  # steps of 1 ms, trials of 420 ms
    np.testing.assert_array_equal(found["response"].spikes["InputE"], wanted)


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert len(links) > 5
    for link in links:
        assert link.startswith("https://") or (CHECKOUT / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for name, anchor in re.findall(r"\]\(([^)#:]*\.md)?(?:#([^)]+))?\)", page.read_text(encoding="utf-8")):
        if name.startswith(MADE) and not (page.parent / name).is_file():
            continue
        target = page.parent / name if name else page
        assert target.is_file(), f"{page.name}: {name}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {name}#{anchor}"


def test_its_commands_exist():
    from spikedtp.cli.app import app

    known = {command.name for command in app.registered_commands}
    assert set(re.findall(r"^spikedtp ([a-z]+)", README, flags=re.MULTILINE)) <= known

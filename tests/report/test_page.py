"""A results folder as one page: what it shows, and that nothing hostile gets out of its place."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess

import matplotlib.image
import pandas as pd
import pytest
from report.reading import Page, read

from spikedtp.records import write_manifest, write_summary, write_table
from spikedtp.report import write_report

EVIL = '"><script>document.body.style.background="lime"</script><b onload=x>&amp;'


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300" onload="alert(1)">'
    '<script>document.location="https://example.org"</script>'
    '<image href="https://example.org/x.png"/><rect width="300" height="300" fill="#f00"/></svg>'
)


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def test_numbers_tables_figures_and_versions_are_on_the_page(run):
    page = read(run)
    assert ["", "cosine"] in page.rows and ["H2E_H1E.rule", "0.9765 (0.9 to 0.99)"] in page.rows
    assert ["n_samples", "3"] in page.rows and ["accuracy", "–"] in page.rows
    assert ["0", "0.1235"] in page.rows and ["1", "–"] in page.rows and "In all rows: same = x" in page.text
    manifest = json.loads((run / "manifest.json").read_text())
    assert ["packages.brian2", manifest["packages"]["brian2"]] in page.rows and ["seeds.seed", "7"] in page.rows
    assert "samples: 3" in page.text and "spikedtp repeat" not in page.text
    sources = page.pictures()
    assert (
        sources["small"] == "data:image/svg+xml;base64," + base64.b64encode((run / "small.svg").read_bytes()).decode()
    )
    assert sources["large"] == "data:image/png;base64," + base64.b64encode(b"png of large").decode()
    assert "missing" not in page.text and "changed" not in page.text


def test_intervals_stand_beside_their_medians(run):
    spread = {"x.rule.cosine.median": [0.5, 0.6], "x.rule.cosine.low": [0.4, 0.5], "x.rule.cosine.high": [0.7, None]}
    pd.DataFrame({"job": ["a", "b"], **spread, "y.median": [1.0, 2.0]}).to_parquet(run / "sweep.parquet")
    page = read(run)
    assert ["job", "x.rule.cosine", "y.median"] in page.rows
    assert ["a", "0.5 (0.4 to 0.7)", "1"] in page.rows and ["b", "0.6 (0.5 to –)", "2"] in page.rows
    assert "rule: against the ΔW of the rate network's own rule" in page.text and "noiseless_cosine:" not in page.text


def test_errors_of_a_sweep_are_counted(run):
    table = pd.DataFrame({"job": list("abcd"), "status": ["failed", "done", "failed", "failed"],
                          "error": ["no compiler", None, "no compiler", "too large"]})  # fmt: skip
    table.to_parquet(run / "sweep.parquet")
    text = read(run).text
    assert "2 jobs failed: no compiler" in text and "1 job failed: too large" in text


@pytest.fixture
def hostile(tmp_path):
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    write_summary(folder, {EVIL: EVIL, f"{EVIL}.{EVIL}.median": EVIL})
    write_table(folder, "t", pd.DataFrame({EVIL: [EVIL, "x"], "status": ["failed"] * 2, "error": [EVIL, None]}))
    (folder / "<script>.csv").write_text("a\n1\n")
    (folder / "figure3.svg").write_text(SVG)
    (folder / "config.yaml").write_text(f"command: '</pre>{EVIL}'\n")
    (folder.parent / "secret.svg").write_text("SECRET")
    os.symlink(folder.parent / "secret.svg", folder / "secret.svg")
    os.symlink(folder.parent / "secret.svg", folder / "secret.csv")
    os.mkfifo(folder / "pipe.csv")
    write_manifest(folder, configuration={}, seeds={}, evil={EVIL: [EVIL, {"a": EVIL}]})
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"created": EVIL, "spikedtp": EVIL, "outputs": {"../../etc/passwd": "", EVIL: 3}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_hostile_contents_stay_text(hostile):
    text = write_report(hostile).read_text(encoding="utf-8")
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "b onload", "link", "iframe", "object", "base", "form"})
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
    assert page.text.count(EVIL) >= 8  # shown as what it is
    assert "SECRET" not in text and base64.b64encode(b"SECRET").decode() not in text
    assert list(page.pictures()) == ["figure3"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_the_figure_and_runs_nothing(hostile, tmp_path):
    page, shot = write_report(hostile, tmp_path / "page.html"), tmp_path / "shot.png"
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,6000"]
    done = subprocess.run(
        [CHROMIUM, *words, f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", page.as_uri()],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert shot.is_file(), done.stderr
    pixels = (matplotlib.image.imread(shot)[..., :3] * 255).astype(int)
    assert (pixels == (255, 0, 0)).all(-1).sum() == 390 * 390  # 300 x 300, which the page enlarges by 1.3
    assert not (pixels == (0, 255, 0)).all(-1).any()

"""The slim loop gives the bytes of Brian2's own, and leaves one alone that it does not know."""

import re
from pathlib import Path

import brian2
import pytest
from spiking.engine.noisy_network import run, same

from spikedtp.spiking.engine.compiled import slim_loop
from spikedtp.spiking.engine.compiled import write_source as generated_source
from spikedtp.spiking.engine.compiled.build_cache import cached_projects
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def test_the_slim_loop_gives_the_bytes_of_the_stock_loop(monkeypatch):
    before = {project.name for project in cached_projects()}
    slim = run()
    assert slim.spikes["cells"][1].min() > 50  # the noise was drawn
    monkeypatch.setattr(generated_source, "slim_run_loop", lambda project: None)
    monkeypatch.setattr(generated_source, "merge_sources", lambda project: None)
    same(slim, run())
    assert {project.name for project in cached_projects()} >= before


def test_an_unfamiliar_run_loop_stays_with_a_warning(tmp_path):
    templates = Path(brian2.__file__).parent / "devices" / "cpp_standalone" / "templates" / "network.cpp"
    stock = re.sub(r"{%.*?%}", "", templates.read_text())
    (tmp_path / "network.cpp").write_text(stock.replace("clock = next_clocks();", "clock = due();"))
    with pytest.warns(UserWarning, match="run loop that spikedtp does not know"):
        slim_loop.slim_run_loop(tmp_path)
    assert slim_loop.SLIM not in (tmp_path / "network.cpp").read_text()

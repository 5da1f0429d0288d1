"""The slim loop gives the bytes of Brian2's own, and leaves one alone that it does not know."""

from pathlib import Path

import brian2
import jinja2
import pytest
from spiking.engine.noisy_network import run, same

from spikedtp import brian2_internals
from spikedtp.spiking.engine.compiled import slim_loop
from spikedtp.spiking.engine.compiled import write_source as generated_source
from spikedtp.spiking.engine.compiled.build_cache import cached_projects
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


@pytest.mark.parametrize("stock", [("slim_run_loop",), ("slim_run_loop", "merge_sources")], ids=" ".join)
def test_the_slim_loop_gives_the_bytes_of_the_stock_loop(stock, cache, monkeypatch):
    slim = run()
    assert slim.spikes["cells"][1].min() > 50  # the noise was drawn
    for step in stock:
        monkeypatch.setattr(generated_source, step, lambda project: None)
    same(slim, run())
    assert len(cached_projects()) == 2  # two programs


def written(folder: Path, limit: float | None = None) -> Path:
    """network.cpp as this version of Brian2 writes it."""
    template = Path(brian2.__file__).parent / "devices" / "cpp_standalone" / "templates" / "network.cpp"
    macros = jinja2.Environment().from_string(
        template.read_text(), globals={"openmp_pragma": lambda what: {"get_num_threads": "1"}.get(what, "")}
    )
    (folder / "network.cpp").write_text(macros.make_module({"maximum_run_time": limit}).cpp_file())
    return folder / "network.cpp"


def test_the_run_loop_of_this_version_is_known(tmp_path, recwarn):
    path = written(tmp_path)
    slim_loop.slim_run_loop(tmp_path)
    text = path.read_text()
    assert text.count(slim_loop.SLIM) == 1 and text.index(slim_loop.SLIM) < text.index(slim_loop.STOCK)
    assert not recwarn.list


@pytest.mark.parametrize("change", [None, *slim_loop.FAMILIAR, slim_loop.STOCK.strip()])
def test_an_unfamiliar_run_loop_stays_with_a_warning(change, tmp_path, monkeypatch):
    """None: with a limit on the run time, which the slim loop would not keep."""
    path = written(tmp_path, limit=20.0 if change is None else None)
    before = path.read_text().replace(change, "something_else();") if change else path.read_text()
    path.write_text(before)
    monkeypatch.setattr(brian2_internals, "_warned", set())
    with pytest.warns(UserWarning, match="it generates another run loop"):
        slim_loop.slim_run_loop(tmp_path)
    assert path.read_text() == before

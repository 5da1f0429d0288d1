"""The runner on a small noisy network: its records are those of Brian2's monitors, what lasts runs in order."""

import tempfile
from functools import partial

import brian2
import numpy as np
import pytest
from brian2.devices.device import reset_device
from spiking.engine.noisy_network import build, inputs, run, same

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine.compiled.build_cache import cached_projects
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.run import run_on

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def test_records_are_what_brian2_monitors_see():
    """Noise is the same where Brian2's generator is seeded alike, so one standalone run without us is the reference."""
    ours = run_on("cpp_standalone", partial(build, precision=np.float64), inputs(2))
    data = inputs(2)
    with tempfile.TemporaryDirectory() as folder:
        brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
        try:
            built = build()
            for name, value in (("gain", 1.1), ("drive", data.patterns["drive"][1])):
                setattr(next(o for o in built.net.objects if o.name == "noisy_cells"), name, value)
            built.start()
            brian2.seed(int(data.seeds[1]))
            built.net.run(built.duration, namespace={})
            brian2.get_device().build(directory=folder, with_output=False)
            monitor, _ = built.traces["v"]
            spikes = built.spikes["cells"]
            np.testing.assert_array_equal(ours.traces["v"][1], monitor.v_[:].T)
            np.testing.assert_array_equal(ours.traces["some"][1], monitor.v_[:].T[:, [3, 400]])
            events, counts = ours.spikes["cells"]
            np.testing.assert_array_equal(events[counts[0] :, 1], spikes.i_[:])
            np.testing.assert_array_equal(events[counts[0] :, 0], np.round(spikes.t_[:] / 1e-3))
        finally:
            brian2.get_device().reinit()
            reset_device()


def test_what_lasts_runs_in_order():
    last = run_on("cpp_standalone", partial(build, lasts=True), inputs(4)).vectors["total"]
    _, counts = run(4).spikes["cells"]
    np.testing.assert_array_equal(last.sum(axis=1), np.cumsum(counts))
    with pytest.raises(SpikedtpError, match=r"lasts from one presentation to the next.*n_processes must be 1"):
        run_on("cpp_standalone", partial(build, lasts=True), inputs(4), n_processes=2)


def test_sources_do_not_depend_on_the_callers_objects(cache):
    before = run(1)
    names = {project.name for project in cached_projects()}
    assert len(names) == 1
    mine = [brian2.NeuronGroup(1, "v : 1", name="noisy_cells") for _ in range(2)]
    others = [build() for _ in range(2)]
    same(before, run(1))
    assert {project.name for project in cached_projects()} == names
    names = {brian2.NeuronGroup(1, "v : 1", name="given*").name, mine[0].name, others[0].net.name}
    assert names == {"given", "noisy_cells", "noisy_network"}
    kept = brian2.NeuronGroup(1, "v : 1", name="noisy_cells*")  # the caller's names are known again
    assert kept.name == "noisy_cells_1"

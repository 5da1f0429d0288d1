"""The runtime device: one process, and numpy's global generator left alone."""

import numpy as np
import pytest
from spiking.engine.noisy_network import build, inputs
from spiking.figure3_samples import TARGET, X

from spikedtp.errors import SpikedtpError
from spikedtp.spiking import simulate
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.run import run_on

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def test_runtime_runs_in_one_process():
    with pytest.raises(SpikedtpError, match="device 'runtime' runs in one process"):
        run_on("runtime", build, inputs(1), n_processes=2)


def test_runtime_leaves_numpys_global_generator_alone(figure3):
    network, _, _ = figure3
    np.random.seed(4)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    simulate(network, X, TARGET, population="H2E", device="runtime", record=())
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002

"""Several processes give the same bytes; runs that end badly say why and leave nothing."""

import signal

import pytest
from spiking.engine.noisy_network import build, inputs, run, same

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.run import run_on

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


@pytest.mark.parametrize("n_processes", [2, 3, 20])
def test_processes_give_the_same_bytes(n_processes, temporary):
    done = []
    whole, split = run(7), run(7, n_processes=n_processes, progress=done.append)
    same(whole, split)
    assert done == list(range(1, 8))
    assert len(whole.peak_memory) == 1 and len(split.peak_memory) == min(n_processes, 7)
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("n_processes", [0, 1.5])
def test_processes_are_a_whole_number(n_processes, device="cpp_standalone"):
    with pytest.raises(SpikedtpError, match="n_processes must be a whole number of at least 1"):
        run(n_processes=n_processes)


def test_a_failing_binary_says_why_and_leaves_nothing(temporary):
    data = inputs(3)
    data.patterns["drive"] = data.patterns["drive"][:2]  # the third presentation shows a pattern that is not there
    with pytest.raises(RuntimeError, match=r"stopped with status 3: cannot read slice 2 of drive"):
        run_on("cpp_standalone", build, data, n_processes=2)
    assert not list(temporary.iterdir())


def test_a_full_disk_is_named(temporary, monkeypatch):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    run(1)  # compiled
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(SpikedtpError, match=r"no space for the results of the run: .*noisy_trace.*set TMPDIR"):
            run(100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(temporary.iterdir())

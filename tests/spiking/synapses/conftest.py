"""Every test begins with Brian2's own time step, whatever a test before it has set."""

import pytest
from brian2 import defaultclock, ms


@pytest.fixture(autouse=True)
def usual_time_step():
    before = defaultclock.dt
    defaultclock.dt = 0.1 * ms
    yield
    defaultclock.dt = before

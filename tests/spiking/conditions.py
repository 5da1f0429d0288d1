"""What tests need of the machine, and how many examples they draw."""

import pytest
from hypothesis import HealthCheck, settings

from spikedtp.spiking.engine.devices import compiler_available

needs_compiler = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
hypothesis_settings = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CPP = pytest.param("cpp_standalone", marks=pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler"))

"""What a rule that learns by a gradient is given."""

from __future__ import annotations

from spikedtp.plasticity import LocalBackprop, check_rule


def test_local_backprop_needs_its_source():
    check_rule(LocalBackprop(0.1, source="H2E"))

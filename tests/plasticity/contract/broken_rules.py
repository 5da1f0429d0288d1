"""Rules broken on purpose, and the one line that names what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from spikedtp import SpikedtpError
from spikedtp.plasticity import check_rule


def broken(base: type, changes: dict) -> type:
    return dataclass(frozen=True)(type("Broken", (base,), dict(changes)))


def the_line(rule) -> str:
    with pytest.raises(SpikedtpError) as caught:
        check_rule(rule)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message

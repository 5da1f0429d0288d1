"""Where the state dict is: mappings in memory, names of wrappers, and what is never mistaken for it."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoints import unwrapped

STATE = {"module_dict.H2E_H1E.weight": np.ones((2, 3)), "parameter_dict.H2E_bias": np.ones(2)}


def with_prefix(prefix, state=STATE):
    return {f"{prefix}{key}": value for key, value in state.items()}


def same(found) -> bool:
    return list(found) == list(STATE) and all(found[key] is value for key, value in STATE.items())


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "a.b.c.d.", "module_dict.", "weight."])
def test_prefixes(prefix):
    assert same(unwrapped(with_prefix(prefix))) and same(unwrapped({"x": {"y": with_prefix(prefix)}}))


@pytest.mark.parametrize(
    "key",
    [
        "module_dict.H2E_H1E._orig_mod.weight", "module_dict._orig_mod.H2E_H1E.weight",
        "module_dict.module.H2E_H1E.module._orig_mod.weight", "module_dict._fsdp_wrapped_module.H2E_H1E.weight",
    ],
)  # fmt: skip
def test_wrapped_parts(key):
    first, bias = STATE
    for prefix in ("", "net."):
        assert same(unwrapped({f"{prefix}{key}": STATE[first], f"{prefix}{bias}": STATE[bias]}))


@pytest.mark.parametrize(
    "name",
    ["optimizer", "optimiser_G", "optim", "optim_state", "exp_avg", "momentum", "velocity", "grads", "scheduler"],
)
def test_what_is_shaped_like_weights_and_is_none(name):
    assert same(unwrapped({name: with_prefix("", {k: 2 * v for k, v in STATE.items()}), "net": STATE}))


@pytest.mark.parametrize("name", ["optimal", "migrated", "graded", "best_gradual", "network"])
def test_names_that_only_look_so(name):
    assert same(unwrapped({name: STATE}))


def test_mappings_without_state_dicts_stay_as_they_are():
    """The circuit says what is wrong with them, or what their short names mean."""
    for mapping in ({}, {"H2E_H1E": [[1.0]]}, {"a": 3}, {3: np.ones(2)}):
        assert unwrapped(mapping) is mapping
    short = {"H2E_H1E": np.ones((2, 3))}
    assert unwrapped(short) == short and unwrapped({"model": with_prefix("module.", short)}) == short


def test_a_mapping_in_itself():
    loop: dict = {"model": STATE}
    loop["self"] = loop
    assert same(unwrapped(loop))


def test_too_deep_or_too_many():
    deep = STATE
    for _ in range(20):
        deep = {"a": deep}
    with pytest.raises(SpikedtpError, match="more than 8 deep"):
        unwrapped(deep)
    with pytest.raises(SpikedtpError, match="more than 10000"):
        unwrapped({str(n): {"a": {}} for n in range(10_001)})


def test_long_keys_cost_nothing():
    for key in ("module_dict." + "module." * 10**5 + "x", "a." * 10**5, "module_dict.module." * 80 + "x"):
        mapping = {key: np.ones(2)}
        assert list(unwrapped(mapping).values()) == list(mapping.values())

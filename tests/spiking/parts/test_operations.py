"""Operations on groups, on both devices."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms

from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.operations import give_to_units

pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
def test_units_have_what_their_cells_have(device, request):
    """Random blocks of cells, some with units in two places; a subexpression of time and cell, in every step."""
    finish = request.getfixturevalue("standalone") if device == "cpp_standalone" else lambda: None
    rng = np.random.default_rng(4)
    blocks, whose, first = [], [], 0
    for start in rng.permutation(np.arange(0, 40, 10)).tolist() * 2:
        stop, per_cell = start + int(rng.integers(1, 10)), int(rng.integers(1, 6))
        blocks.append((start, stop, first, per_cell))
        whose += np.repeat(np.arange(start, stop), per_cell).tolist()
        first += (stop - start) * per_cell
    cells = NeuronGroup(40, "x = i + 100*t_in_timesteps : 1", dt=1 * ms, codeobj_class=code_object_class())
    units = NeuronGroup(first, "x : 1\ntotal : 1", dt=1 * ms, codeobj_class=code_object_class())
    rng.shuffle(blocks)
    given = give_to_units(cells, "x", units, blocks, name="given_to_units", clock=cells.clock, when="groups")
    units.run_regularly("total += x", when="end", dt=1 * ms)
    Network(cells, units, given).run(3 * ms)
    finish()
    np.testing.assert_array_equal(units.total[:], 3 * np.array(whose) + 300)


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
def test_units_that_nobody_hears_need_not_be_told_while_there_is_a_push(device, request):
    """What the others have, and what all have while the push is 0, is not touched by that."""
    finish = request.getfixturevalue("standalone") if device == "cpp_standalone" else lambda: None
    blocks = [(0, 5, 0, 2), (5, 9, 10, 3)]
    cells = NeuronGroup(
        9, "push = int(t_in_timesteps > 1) : 1 (shared)\nx = 1 + i + push*i : 1", dt=1 * ms,
        codeobj_class=code_object_class(),
    )  # fmt: skip
    units = NeuronGroup(22, "x : 1\nearly : 1\nlate : 1", dt=1 * ms, codeobj_class=code_object_class())
    given = give_to_units(
        cells, "x", units, blocks, push="push", unheard=blocks[:1], name="given_to_units", clock=cells.clock,
        when="groups",
    )  # fmt: skip
    code = "early += x*int(t_in_timesteps <= 1)\nlate += x*int(t_in_timesteps > 1)"
    units.run_regularly(code, when="end", dt=1 * ms)
    Network(cells, units, given).run(4 * ms)
    finish()
    whose = np.concatenate([np.repeat(np.arange(5), 2), np.repeat(np.arange(5, 9), 3)])
    np.testing.assert_array_equal(units.early[:], 2 * (1 + whose))
    np.testing.assert_array_equal(units.late[:][10:], 2 * (1 + 2 * whose[10:]))

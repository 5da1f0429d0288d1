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

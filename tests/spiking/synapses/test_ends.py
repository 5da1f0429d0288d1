"""The cells at both ends: linked variables, parts of a group, autapses, names."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, defaultclock, linked_var, ms
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import MSTDPET, STDP
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses

pytestmark = pytest.mark.usefixtures("own_networks")


def test_autapses_of_a_cell_of_its_own():
    cell = regular(1)
    synapses = PairSynapses(cell, cell, "v", rule=STDP(learning_rate=0.0))
    synapses.w = 2
    Network(cell, synapses).run(3 * defaultclock.dt)
    np.testing.assert_array_equal(cell.v[:], [6.0])


def test_variables_of_the_cells_may_be_named_as_those_of_the_synapses():
    eqs = "v : 1\nw : 1\nz : 1\nj : 1\nrate : 1\nlow : 1\nown : 1"
    source, target = regular(2, eqs=eqs), silent(3, eqs)
    target.w, target.z, target.j, target.own = 5, 6, 7, 8
    synapses = PairSynapses(source, target, "w", rule=MSTDPET(learning_rate=0.0), modulator="1.0")
    synapses.w = 1
    synapses.learn("w += w_post + z_post + own + 100*j + 1000*i", at="True")
    Network(source, target, synapses).run(defaultclock.dt)
    np.testing.assert_array_equal(target.w, 7)
    expected = 1 + 7 + 6 + 8 + 100 * np.arange(3)[:, None] + 1000 * np.arange(2)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]), expected)


def test_links_between_groups():
    """A link to as many cells is their variable; one by an index is not an array of one value for each cell."""
    others, source = NeuronGroup(3, "u : 1"), regular(1)
    target = NeuronGroup(3, "v : 1 (linked)\nz : 1 (linked)")
    target.v, target.z = linked_var(others, "u"), linked_var(others, "u", index=[0, 0, 1])
    synapses = DenseSynapses(source, target, "v")
    synapses.w = synapses.flat([[1], [2], [3]])
    Network(source, others, target, synapses).run(defaultclock.dt)
    np.testing.assert_array_equal(others.u, [1, 2, 3])
    with pytest.raises(SpikedtpError) as error:
        DenseSynapses(source, target, "z")
    check_line(error.value, "cannot add to 'z' .* not an array of one value for each cell")
    frozen = NeuronGroup(
        3, "du/dt = 0/second : 1 (unless refractory)", threshold="u > 1", refractory=1 * ms, name="frozen"
    )
    last = NeuronGroup(3, "v : 1 (linked)")
    last.v = linked_var(frozen, "u")
    with pytest.raises(SpikedtpError) as error:
        DenseSynapses(source, last, "v")
    check_line(error.value, "a link to 'frozen', whose cells can be refractory")


def test_variables_that_only_a_part_has():
    """They are counted from 0 within the part, in code and as what is added to."""
    cells = regular(8, eqs="v : 1")
    pre, post = cells[1:4], cells[3:8]
    for part in (pre, post):
        part.variables.add_array("own", size=len(part), dtype=np.float64, index="_idx")
        part.variables["own"].set_value(np.arange(len(part)) + 1.0)
    synapses = DenseSynapses(pre, post, "own")
    synapses.w = synapses.flat(np.arange(15.0).reshape(5, 3))
    learning = DenseSynapses(pre, post)
    learning.on_pre("w += 10*own_post + own_pre")
    learning.on_post("w += 100*own_post", order=3)
    learning.learn("w += 1000*own_post*own_pre", at="True")
    before = np.arange(5) + 1.0
    Network(cells, synapses, learning).run(defaultclock.dt)
    after = before + np.arange(15.0).reshape(5, 3).sum(axis=1)
    np.testing.assert_array_equal(post.variables["own"].get_value(), after)
    own = np.arange(3) + 1.0
    expected = 110 * after[:, None] + own + 1000 * after[:, None] * own
    np.testing.assert_array_equal(learning.matrix(learning.w[:]), expected)


def test_spikers_that_fire_one_for_each_cell():
    """Their places in their group are not those of the cells in theirs."""
    cells, target = silent(7, "x : 1"), silent(2)
    spikers = NeuronGroup(9, "v : 1", threshold="i == 5 or i == 3", reset="")
    cells.x = np.arange(7)
    synapses = DenseSynapses(cells[2:6], target, "v", spikers=spikers[2:6])
    synapses.on_pre("w = x_pre")
    pairs = PairSynapses(cells[2:6], spikers[4:6], rule=STDP(a_minus=0, learning_rate=1), spikers=spikers[2:6])
    Network(cells, target, spikers, synapses, pairs).run(defaultclock.dt)
    np.testing.assert_array_equal(synapses.matrix(synapses.w[:]), [[0, 3, 0, 5]] * 2)
    np.testing.assert_allclose(pairs.matrix(pairs.w[:]), [[0, 0, 0, 0], [0, 1, 0, 1]], rtol=1e-12)

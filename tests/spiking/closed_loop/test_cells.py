"""Any cell that can be read and reached runs in the closed loop, and what it lacks is named."""

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path

import numpy as np
import pytest
from brian2 import Equations, Hz, ms, second
from spiking.closed_loop.short_presentations import SHORT, spiking

from spikedtp.circuit import read_circuit
from spikedtp.datasets import load
from spikedtp.equations.membrane import leaky_compartment
from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.neurons import LIF, CellModel, Declaration, NudgedCell, TwoCompartment
from spikedtp.parameters import parameter
from spikedtp.plasticity import Factors, LearningRule, SpikingForm
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import sample_order
from spikedtp.spiking import Phases, SpikingNetwork, default_device, simulate
from spikedtp.spiking.closed_loop.cells import CellsOfLoop

SMALL = Path(__file__).parents[2] / "golden" / "small_dtp.yaml"
DEVICE = default_device()
FREE = Phases(settle=300 * ms, read=200 * ms, nudge=200 * ms, hold="none")


@dataclass(frozen=True)
class PlainCell(CellModel):
    """Two compartments that know nothing of a nudge; the dendrite always acts on the soma. Fires regularly."""

    tau_soma: second = parameter(60 * ms, above=0 * ms)
    tau_dend: second = parameter(20 * ms, above=0 * ms)
    coupling: float = parameter(0.0, least=0.0)
    unit_rate: Hz = parameter(450 * Hz, above=0 * Hz)
    max_rate: Hz = parameter(950 * Hz, above=0 * Hz)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=leaky_compartment("v_dend", "tau_dend", "input_dend")
            + leaky_compartment("v_soma", "tau_soma", "(input_soma + coupling*dendritic_state)")
            + Equations(
                """
                dendritic_state = v_dend : 1
                somatic_activity = v_soma : 1
                input_soma : 1
                input_dend : 1
                rate = clip(unit_rate*v_soma, 0*Hz, max_rate) : Hz
                remaining : 1
                """
            ),
            threshold="remaining <= 0",
            reset="remaining += 1",
            early_reset=True,
            before_threshold="remaining -= rate*dt",
            clear=("input_soma", "input_dend"),
            initial={"remaining": "rand()"},
        )


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def biased():
    network = load_rate_network(SMALL, seed=3)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    rng = np.random.default_rng(0)
    for name in network.biases:
        if not name.startswith("Input"):
            state[f"parameter_dict.{name}_bias"] = rng.uniform(-0.1, 0.4, len(network.biases[name])).astype(np.float32)
    network.load_state_dict(state)
    return network


def test_a_cell_that_knows_nothing_of_biases_takes_them_as_an_input(digits):
    """It settles where a cell settles that has them in its equation: regular spikes, no dendrite, no nudge."""
    network, x = biased(), digits.test_x[:6]
    options = {"device": DEVICE, "phases": FREE, "spikers": 1}
    plain = SpikingNetwork(network, cell=PlainCell(), **options).respond(x, seed=1).activity
    nudged = SpikingNetwork(network, cell=NudgedCell(firing="regular"), **options).respond(x, seed=1).activity
    rate = network.present(x)
    for population in ("H1E", "H2E", "OutputE", "H1SomaI"):
        settled = rate.activity[population][:, -1]
        at = nudged[population]
        noise = np.abs(nudged[population][:, 0] - settled).mean()
        assert np.abs(plain[population] - at).mean() < 2 * max(noise, 0.005), population
    assert (
        np.abs(rate.activity["H1E"][:, -1] - load_rate_network(SMALL, seed=3).present(x).activity["H1E"][:, -1]).max()
        > 0.1
    )


def test_weights_mean_the_same_to_cells_that_scale_what_arrives(digits):
    """`TwoCompartment` multiplies spikes by `weight_scale*spike_width/dt`, which the network divides weights by."""
    network, x = load_rate_network(SMALL, seed=3), digits.test_x[:6]
    settled = network.present(x).activity
    for scale, width in ((2.3, 1 * ms), (0.7, 3 * ms)):
        cell = TwoCompartment(coupling=0.0, weight_scale=scale, spike_width=width)
        spiking = SpikingNetwork(network, cell=cell, phases=FREE, device=DEVICE)
        found = spiking.respond(x, seed=1, n_repeats=8).activity["H1E"].mean(axis=1)
        on = settled["H1E"][:, -1] > 0.05
        assert np.median(found[on] / settled["H1E"][:, -1][on]) == pytest.approx(1, abs=0.1)


def test_the_output_is_pushed_towards_its_target(digits):
    """A cell without `error` gets it at its soma: the output of the right class rises in the nudge, others fall."""
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    x, target = digits.test_x[:4], digits.test_t[:4]
    phases = replace(FREE, nudge=400 * ms)
    found = simulate(
        network, x, target, population=None, loop="closed", cell=PlainCell(), phases=phases, n_repeats=4,
        record=("v_soma",), device=DEVICE,
    )  # fmt: skip
    volts = found.v_soma["OutputE"].mean(axis=1)
    before = volts[:, phases.settled[0] : phases.settled[1]].mean(axis=1)
    after = volts[:, -100:].mean(axis=1)
    error = np.clip(target - np.clip(before, 0, None), -1, 1)
    moved = after - before
    assert np.corrcoef(error.ravel(), moved.ravel())[0, 1] > 0.95
    assert (moved[target == 1] > 0.3).all()


@pytest.mark.slow
def test_a_users_cell_learns(digits):
    """On the default device; the dendrite acts all the time. Beside it, the same network left as it was."""
    network = load_rate_network("digits_dtp", seed=1)
    spiking = SpikingNetwork(network, cell=TwoCompartment(coupling=1.0), phases=Phases(hold="none"))
    x, y = digits.test_x[:200], digits.test_y[:200]
    before = (spiking.predict(x) == y).mean()
    spiking.train(digits.train_x, digits.train_t, sample_order(len(digits.train_y), 1500, 1), seed=1)
    assert before < 0.3 and (spiking.predict(x) == y).mean() > 0.6


def test_what_a_cell_lacks_is_named(digits):
    network = load_rate_network(SMALL)

    def refused(message, cell, **options):
        with pytest.raises(SpikedtpError, match=message) as error:
            SpikingNetwork(network, cell=cell, **{"device": "runtime", "phases": FREE} | options)
        assert "\n" not in str(error.value)

    refused(r"LIF lacks dendritic_state, input_dend, somatic_activity|LIF lacks input_dend", LIF())
    refused(r"the soma of PlainCell cannot be held .*hold=none", PlainCell(), phases=replace(FREE, hold="all"))
    refused(r"PlainCell has no use for a latched plateau", PlainCell(), phases=replace(FREE, latch=True))
    refused(r"PlainCell lacks activity \(what its spikers fire at\)", PlainCell(), spikers=2)
    refused(r"must be a cell such as", "PlainCell")

    @dataclass(frozen=True)
    class Piling(PlainCell):
        def declaration(self):
            return replace(super().declaration(), clear=("input_dend",))

    refused(r"added to input_soma of Piling .* name it in its declaration's clear", Piling())


def changed(cell: CellModel, old: str, new: str, **fields) -> CellModel:
    """The same cell with other equations, by their text, and other fields of its declaration."""

    @dataclass(frozen=True)
    class Changed(type(cell)):
        def declaration(self):
            found = super().declaration()
            text = str(found.equations)
            assert old in text
            return replace(found, equations=Equations(text.replace(old, new)), **fields)

    return Changed(**{f.name: getattr(cell, f.name) for f in dataclass_fields(cell)})


def activity(cell, digits, **options):
    spiking = SpikingNetwork(biased(), cell=cell, **{"device": "runtime", "phases": FREE, "spikers": 1} | options)
    return spiking.respond(digits.test_x[:1], seed=1).activity


REGULAR = NudgedCell(firing="regular")


@pytest.mark.parametrize(
    ("old", "new"), [("bias : 1 (constant)", "bias : 1"), ("unit_rate : Hz (constant)", "unit_rate : Hz")]
)
def test_numbers_of_the_circuit_last(old, new, digits):
    """Whether or not a cell says that they are constant."""
    usual, other = activity(REGULAR, digits), activity(changed(REGULAR, old, new), digits)
    for population, found in usual.items():
        np.testing.assert_array_equal(found, other[population])
    assert usual["H1E"].max() > 0.3


@pytest.mark.parametrize("hold", ["none", "all"])
def test_a_soma_in_another_unit_settles_and_is_held_where_it_was(hold, digits):
    """Twice the voltage for the same activity: what is read, and what is held, is the activity."""
    phases = Phases(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms, hold=hold)
    half = changed(REGULAR, "somatic_activity = v_soma", "somatic_activity = v_soma/2")
    text = "activity = v_soma + nudging*(acting + error)"
    half = changed(half, text, "activity = v_soma/2 + nudging*(acting + error)")
    half = changed(half, "(bias + input_soma - v_soma)", "(2*bias + 2*input_soma - v_soma)")
    found = [
        SpikingNetwork(biased(), cell=cell, device="runtime", phases=phases, spikers=1).respond(
            digits.test_x[:1], digits.test_t[:1], seed=1
        )
        for cell in (REGULAR, half)
    ]
    usual, other = (response.signals["H2E_H1E"].pre_nudged for response in found)
    for population, settled in found[0].activity.items():
        np.testing.assert_allclose(found[1].activity[population], settled, atol=0.05)
    assert np.abs(usual - other).mean() < 0.15 * np.abs(usual).mean() + 0.02


@dataclass(frozen=True)
class Changed(CellModel):
    """`NudgedCell` with something else."""

    changes: tuple[tuple[str, object], ...] = ()

    def declaration(self) -> Declaration:
        return replace(NudgedCell(firing="regular").declaration(), **dict(self.changes))


SOMA = "dv_soma/dt = {} : 1\ndv_dend/dt = (input_dend - v_dend)/(20*ms) : 1\n"
OTHERS = """
somatic_activity = v_soma : 1
dendritic_state = v_dend : 1
input_soma : 1
input_dend : 1
rate = clip(450*Hz*v_soma, 0*Hz, 950*Hz) : Hz
remaining : 1
"""


@pytest.mark.parametrize(
    ("soma", "more", "deaf"),
    [
        ("running*(input_soma - v_soma)/(60*ms)", {}, True),
        ("(running*(1 + input_soma**2) - v_soma)/(60*ms)", {}, True),
        ("(input_soma - running*v_soma)/(60*ms)", {}, False),
        ("running*(drive - v_soma)/(60*ms)", {"equations": "drive = input_soma + 1 : 1"}, False),  # on the safe side
        ("running*(input_soma - v_soma)/(60*ms)", {"update": "v_soma += 0.001*input_soma"}, False),
    ],
)
def test_a_held_soma_is_deaf_where_no_equation_knows_what_arrives(soma, more, deaf, digits):
    equations = Equations(SOMA.format(soma) + OTHERS + more.get("equations", ""))
    cell = Changed(changes=(*(more | {"equations": equations}).items(),))
    network = SpikingNetwork(load_rate_network(SMALL, seed=3), cell=cell, phases=Phases(hold="none"), device="runtime")
    assert CellsOfLoop(network.spec).held_is_deaf is deaf


#: Populations of the small circuit that send nothing to dendrites, but only to somas, which can be held.
DEAF_ENDS = {"H1E", "H1SomaI", "H2SomaI", "OutputSomaI"}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, DEAF_ENDS),
        ({"learning": True}, DEAF_ENDS),  # its rules ask for settled activity
        ({"nudged": False}, set()),
        ({"signals": True}, set()),
        ({"record": ("spikes",)}, set()),
        ({"record": ("v_soma",)}, DEAF_ENDS),
        ({"phases": replace(SHORT, hold="inhibitory")}, set()),  # each of them reaches E cells
        ({"phases": replace(SHORT, hold="none")}, set()),
        ({"phases": replace(SHORT, reset=False)}, set()),
        ({"phases": replace(SHORT, latch=True, trace=50 * ms)}, DEAF_ENDS - {"H1E"}),  # read again by H2E's plateaus
    ],
)
def test_who_is_not_heard_in_the_nudge(options, wanted):
    spec = replace(spiking().spec, **{"nudged": True} | options)
    assert CellsOfLoop(spec).unheard == wanted


@dataclass(frozen=True)
class AsksForTheNudge(LearningRule):
    """A rule of spikes that are counted in the nudge."""

    def factors(self, signals, state):
        return Factors(((self.learning_rate * signals.plateau, signals.pre_nudged),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*plateau_post*pre_nudged_pre")


def test_a_rule_that_asks_for_spikes_of_the_nudge_hears_them():
    spec, rule = replace(spiking().spec, nudged=True), AsksForTheNudge(0.01)
    projections = [replace(p, rule=rule if p.name == "H2E_H1E" else p.rule) for p in spec.circuit.projections]
    spec = replace(spec, circuit=replace(spec.circuit, projections=tuple(projections)))
    assert CellsOfLoop(replace(spec, learning=True)).unheard == DEAF_ENDS - {"H1E"}
    assert CellsOfLoop(spec).unheard == DEAF_ENDS  # where nothing learns


def test_no_unit_fires_for_a_cell_that_its_own_spikes_change(digits):
    adapting = changed(REGULAR, "input_soma : 1", "input_soma : 1\nadapted : 1", reset="remaining += 1\nadapted += 1")
    with pytest.raises(SpikedtpError, match="no unit can fire for Changed, whose reset does more"):
        activity(adapting, digits, spikers=3)
    assert not SpikingNetwork(biased(), cell=adapting, device="runtime").spec.spikers  # by default


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bias : 1 (constant)", "bias : amp (constant)", "bias of Changed must have no unit"),
        ("somatic_activity = v_soma : 1", "somatic_activity = v_soma*volt : volt", "somatic_activity .* no unit"),
        ("unit_rate : Hz (constant)", "unit_rate : 1 (constant)", "unit_rate of Changed must have Hz"),
        ("gate : 1", "gate = 1 : 1", "gate of Changed must be a variable of each cell"),
        ("error : 1", "error : 1 (shared)", "error of Changed must be a variable of each cell"),
    ],
)
def test_what_the_network_sets_or_reads_is_what_it_takes_it_for(old, new, message, digits):
    with pytest.raises(SpikedtpError, match=message) as error:
        activity(changed(REGULAR, old, new), digits)
    assert "\n" not in str(error.value)


def test_a_pulse_has_a_height_and_a_width(digits):
    @dataclass(frozen=True)
    class Half(PlainCell):
        weight_scale: float = parameter(2.0, above=0.0)

    with pytest.raises(SpikedtpError, match="both of weight_scale and spike_width as parameters, or neither"):
        activity(Half(), digits)


@dataclass(frozen=True)
class Named(LearningRule):
    """A rule whose parameter has a name of the network's."""

    gain: float = 1.0

    def factors(self, signals, state):
        return Factors(((self.learning_rate * self.gain * signals.plateau, signals.pre_settled),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*gain*plateau_post*pre_settled_pre")


@dataclass(frozen=True)
class Outside(LearningRule):
    """A rule that uses its learning rate where no schedule reaches it."""

    def factors(self, signals, state):
        return Factors(((self.learning_rate * signals.plateau, signals.pre_settled),))

    def spiking_form(self):
        return SpikingForm(post="scaled = learning_rate*plateau : 1", on_learn="w += scaled_post*pre_settled_pre")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Named(learning_rate=0.1), "H2E_H1E: the rule Named names gain, which the closed loop uses for itself"),
        (Outside(learning_rate=0.1), "H2E_H1E: the rule Outside uses learning_rate outside on_learn"),
    ],
    ids=["a name", "the learning rate"],
)
def test_what_a_rule_cannot_have_is_refused_before_it_learns(rule, message, digits):
    network = load_rate_network(read_circuit(SMALL).with_rules({"H2E_H1E": rule}))
    spiking = SpikingNetwork(network, device="runtime", phases=replace(FREE, hold="all"))
    with pytest.raises(SpikedtpError, match=message):
        spiking.train(digits.train_x, digits.train_t, np.arange(2))

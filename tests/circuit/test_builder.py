"""The builder: shipped circuits in few lines, what follows from names, and its mistakes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spikedtp.circuit import CircuitBuilder, read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    Bounds,
    DendriticLoss,
    DendriticState,
    HebbWeightNorm,
    Mask,
    NoAutapses,
    NormalizeRows,
    PlateauBias,
    Tied,
    TopDownHebb,
)


def digits():
    """digits_dtp.yaml: its constants, then 13 lines."""
    soma = ("onto_e", "from_e", "from_below", "recurrent")
    h1 = dict(zip(soma, (1.127575300929014, 0.7922286649101926, 2.9554092309918674, 1.4659723687430724), strict=True))
    h2 = dict(zip(soma, (0.0503457325183063, 0.7245424339080535, 0.1286862932555841, 0.15183277232938047), strict=True))
    output = dict(
        zip(soma, (0.10783222041590698, 2.749075677576883, 0.43883100144555437, 2.539086723963597), strict=True)
    )
    rates = (0.019254903668545556, 0.015159232301651981)
    sums = {"H1": (4.44, 4.9423740122983295), "H2": (4.69, 4.382851254777553)}
    # here it begins
    lds, loss = DendriticState(0.03, relu_gate=True, one_pass=True), DendriticLoss(0.42, sign=-1)
    excite, inhibit = (HebbWeightNorm(rate, sign, forward_only=True) for rate, sign in zip(rates, (1, -1), strict=True))
    net = CircuitBuilder("digits_dtp", tau=3, forward_steps=15, backward_steps=0, learning_rate=0.9553728)
    net.input(64)
    for layer, init, soma_init, dend_init in (("H1", 2.1944449483442714, h1, 0.772), ("H2", 0.315, h2, 4.07)):
        net.layer(layer, 200, rule=lds, init=init)
        net.interneurons(layer, "SomaI", 30, **soma_init)
        e, i = (
            {"rule": r, "constraint": NormalizeRows(s)} for r, s in zip((excite, inhibit), sums[layer], strict=True)
        )
        net.interneurons(layer, "DendI", 30, onto_e={"rule": loss, "init": dend_init}, from_e=e, recurrent=i)
    net.layer("Output", 10, rule=replace(lds, learning_rate=0.0336), init=3.9)
    net.interneurons("Output", "SomaI", 10, **output)
    net.feedback("H1", tied=0.747)
    net.feedback("H2", tied=3.5503057290383477)
    return net.build()


def test_the_digits_circuit_in_fifteen_lines():
    assert digits() == read_circuit("digits_dtp")


def built(**options):
    net = CircuitBuilder("net", **options)
    net.input(5)
    net.layer("H", 4)
    net.interneurons("H", "SomaI", 2)
    net.interneurons("H", "DendI", 2)
    net.layer("Output", 3)
    net.feedback("H", tied=0.5)
    return net


def test_what_follows_from_names():
    circuit = built().build()
    found = {p.name: (p.compartment, p.direction, p.update_phase, p.bounds, p.constraint) for p in circuit.projections}
    excitatory, inhibitory = Bounds(0, None), Bounds(None, 0)
    tied = Tied("OutputE_HE", scale=0.5, transpose=True)
    assert found == {
        "HE_InputE": ("soma", "F", "F", excitatory, None),
        "HE_HSomaI": ("soma", "R", "F", inhibitory, None),
        "HE_HDendI": ("dend", "R", "B", inhibitory, None),
        "HE_OutputE": ("dend", "F", "B", excitatory, tied),
        "HSomaI_InputE": ("soma", "F", "F", excitatory, None),
        "HSomaI_HE": ("soma", "R", "F", excitatory, None),
        "HSomaI_HSomaI": ("soma", "R", "F", inhibitory, NoAutapses()),
        "HDendI_HE": ("soma", "R", "F", excitatory, None),
        "HDendI_HDendI": ("soma", "R", "F", inhibitory, NoAutapses()),
        "OutputE_HE": ("soma", "F", "F", excitatory, None),
    }
    assert list(found) == [p.name for p in circuit.projections]
    assert {p.weight_init for p in circuit.projections} == {"half_kaiming"}
    assert [p.activation for p in circuit.populations] == ["linear"] + ["relu"] * 4
    free = built(dale=False).build()
    assert all(p.bounds == Bounds() and p.weight_init is None for p in free.projections[:1])


def test_options_are_fields():
    net = built(dale=False)
    net.layer("Top", 2, bias=PlateauBias(0.1), activation="linear", init=("uniform_", -0.1, 0.1), bounds=(-1, 1))
    net.feedback("Output", rule=TopDownHebb(0.1), init=2.0)
    net.feedback("H", source="TopE", compartment="soma", bounds=(0, None))
    net.population("H", "PV", 2, bias=True)
    net.connect("HPV", "HE", direction="F")
    circuit = net.build()
    assert [p.name for p in circuit.populations] == ["InputE", "HE", "HSomaI", "HDendI", "HPV", "OutputE", "TopE"]
    top = circuit.projection("TopE_OutputE")
    assert (top.weight_init, top.weight_init_args, top.bounds) == ("uniform_", (-0.1, 0.1), Bounds(-1, 1))
    assert circuit.population("TopE").bias_rule == PlateauBias(0.1) and circuit.population("HPV").include_bias
    back = circuit.projection("OutputE_TopE")
    assert back.rule == TopDownHebb(0.1) and (back.weight_init, back.weight_init_args) == ("scaled_kaiming", (2.0,))
    across = circuit.projection("HE_TopE")
    assert (across.compartment, across.update_phase, across.weight_init) == ("soma", "F", "half_kaiming")
    assert circuit.projection("HPV_HE").direction == "F"


def test_sparse_connections():
    net = built()
    for k, (post, pre) in enumerate((("OutputE", "InputE"), ("OutputE", "OutputE"))):
        net.connect(post, pre, probability=0.5, **({"seed": 40} if k else {}))
    circuit = net.build()
    assert circuit.projection("OutputE_InputE").constraint == Mask.random(3, 5, 0.5, seed=10)  # the tenth
    assert circuit.projection("OutputE_OutputE").constraint == Mask.random(3, 3, 0.5, seed=40, autapses=False)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda net: net.connect("HE", "H2E"), "unknown population 'H2E': known are"),
        (lambda net: net.connect("HE", "InputE"), "circuit net: there is a projection HE_InputE already"),
        (lambda net: net.layer("H", 3), "there is a population HE already"),
        (lambda net: net.input(3), "the input must be the first population"),
        (lambda net: net.feedback("Output"), "no layer stands above Output"),
        (lambda net: net.feedback("Top"), "unknown layer 'Top'"),
        (lambda net: net.interneurons("H9", "SomaI", 3), "unknown layer 'H9'"),
        (lambda net: net.connect("OutputE", "InputE", init="big"), "init must be a number or a tuple"),
        (
            lambda net: net.connect("OutputE", "InputE", wieght=3),
            "projection OutputE_InputE: unknown option 'wieght': known",
        ),
        (lambda net: net.connect("OutputE", "InputE", bounds=3), "projection OutputE_InputE: bounds: must be two"),
        (lambda net: net.connect("OutputE", "InputE", init=("cauchy_", 1)), "weight_init: must be one of"),
        (lambda net: net.connect("OutputE", "InputE", seed=1), "seed is of random connections"),
        (lambda net: net.connect("OutputE", "InputE", probability=2), "probability must lie between 0 and 1"),
        (
            lambda net: net.connect("OutputE", "InputE", probability=0.1, constraint=NormalizeRows(1.0)),
            "projection OutputE_InputE: give probability or constraint, not both",
        ),
        (lambda net: net.feedback("H", source="InputE", tied=1.0), "there is a projection HE_InputE already"),
        (lambda net: (net.feedback("Output", source="HSomaI", tied=1.0), net.build()), "unknown clone source"),
        (lambda net: CircuitBuilder().layer("H", 3), "has nothing below it"),
        (lambda net: CircuitBuilder(steps=3).build(), "unknown option 'steps': known are .*tau"),
    ],
)
def test_mistakes(wrong, words):
    with pytest.raises(SpikedtpError, match=words):
        wrong(built())

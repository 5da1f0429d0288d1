"""Circuit files: both forms, and every mistake with file, key and what is allowed."""

from __future__ import annotations

import copy

import pytest
import yaml
from circuit.both_forms import LONG, SHORT

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    Bounds,
    DendriticState,
    ElasticWeights,
    NoAutapses,
    NormalizeRows,
    PlateauBias,
    SynapticIntelligence,
    Tied,
)


def test_long_form(read):
    circuit = read(LONG)
    assert [p.name for p in circuit.populations] == ["InputE", "H1E", "H1SomaI", "OutputE"]
    assert circuit.name == "circuit" and circuit.input.name == "InputE" and circuit.output.name == "OutputE"
    assert (circuit.tau, circuit.forward_steps, circuit.backward_steps) == (3.0, 15, 0)
    first = circuit.projection("H1E_InputE")
    assert first.bounds == Bounds(0, None) and first.weight_init_args == (2.5,)
    assert first.rule == DendriticState(0.1, relu_gate=True)
    assert circuit.projection("OutputE_H1E").rule == DendriticState(0.25)  # the file's learning rate for all
    assert circuit.projection("H1E_OutputE").constraint == Tied("OutputE_H1E", scale=0.5, transpose=True)
    inhibition = circuit.projection("H1SomaI_H1E")
    assert (inhibition.direction, inhibition.update_phase, inhibition.compartment) == ("R", "A", "soma")
    assert inhibition.constraint == NormalizeRows(3.0)
    assert circuit.projection("H1SomaI_H1SomaI").constraint == NoAutapses()
    assert circuit.population("OutputE").bias_rule == PlateauBias(0.2) and circuit.population("OutputE").include_bias
    assert [p.name for p in circuit.inputs("H1E")] == ["H1E_InputE", "H1E_H1SomaI", "H1E_OutputE"]
    with pytest.raises(SpikedtpError, match="unknown projection 'H1E_H2E': known are"):
        circuit.projection("H1E_H2E")


BASE = yaml.safe_load(LONG.replace("!!python/tuple", ""))
INPUT = ("projection_config", "H1", "E", "Input", "E")


def changed(path, value):
    config = copy.deepcopy(BASE)
    place = config
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return config


MISTAKES = [
    (("layer_config", "H1", "E", "size"), 0, r"layer_config.H1.E.size: must be a whole number of at least 1, got 0"),
    (("layer_config", "H1", "E", "size"), KeyError, "layer_config.H1.E: needs size"),
    (("layer_config", "H1", "E", "size"), 10**7, "layer_config.H1.E.size: must be at most 1000000, got 10000000"),
    (("layer_config", "H1Soma"), {"I": {"size": 1}}, "two populations have the same name"),
    (("layer_config", "Input", "I"), {"size": 2}, "needs an input layer with one population"),
    (
        ("layer_config", "H1"),
        {"E": {"size": 10**6}, "SomaI": {"size": 100}},
        r"projection_config: has \d{9} weights in all, at most 67108864",
    ),
    (("layer_config", "H1", "E", "shape"), 3, "unknown key 'shape': allowed are size, activation"),
    (("layer_config", "H1", "E", "activation"), "tanh", "activation: must be one of relu, linear, srelu, got 'tanh'"),
    (("layer_config", "H1", "E", "include_bias"), "yes please", "true or false"),
    (("layer_config", "H1", "E", "bias_init"), "cauchy_", "bias_init: must be one of"),
    (("layer_config", "Output", "E", "bias_learning_rule"), "Bias", "unknown bias learning rule 'Bias'"),
    (("layer_config", "H1"), [1], "layer_config.H1: must be a mapping"),
    (("layer_config",), {"Input": {"E": {"size": 2}}}, "unknown layer 'H1': layer_config has Input"),
    ((*INPUT, "weight_bounds"), [1, 0], r"Input.E.weight_bounds: the lower bound 1 is above the upper bound 0"),
    ((*INPUT, "weight_bounds"), [0], "two numbers or nulls"),
    ((*INPUT, "weight_bounds"), KeyError, "half_kaiming needs a lower bound"),
    ((*INPUT, "weight_init"), "kaiming", "weight_init: must be one of .*half_kaiming.*, got 'kaiming'"),
    ((*INPUT, "weight_init_args"), ["a"], "weight_init_args: must be a finite number, got 'a'"),
    ((*INPUT, "weight_init_args"), 0.5, "weight_init_args: must be a list of numbers, got 0.5"),
    ((*INPUT, "learning_rule"), 3, "must be the name of a learning rule or null, got 3"),
    (
        INPUT,
        {"learning_rule": "LocalBackprop", "learning_rule_kwargs": {"source": "H9.E", "learning_rate": 0.1}},
        "unknown source population 'H9E': the circuit has InputE",
    ),
    (
        INPUT,
        {
            "weight_constraint": "receptive_field_mask",
            "weight_constraint_kwargs": {"receptive_field_size": 3, "apply_weight_norm": True},
        },
        "apply_weight_norm needs scale",
    ),
    (
        INPUT,
        {
            "weight_constraint": "receptive_field_mask",
            "weight_constraint_kwargs": {"receptive_field_size": 3, "image_dims": [6]},
        },
        r"image_dims must be \(height, width\)",
    ),
    *(
        (INPUT, {"weight_constraint": "mask", "weight_constraint_kwargs": kwargs, "learning_rule": None}, words)
        for kwargs, words in (
            ({}, "weight_constraint_kwargs: a mask has rows, or probability, seed and autapses"),
            ({"seed": 3}, "a mask has rows, or probability"),
            ({"probability": 0.5, "seeds": 3}, "a mask has rows, or probability"),
            ({"probability": 2}, "Mask: probability must lie between 0 and 1, got 2"),
            ({"rows": ["f0", "g0"]}, "rows of a mask must be hexadecimal digits, 6 bits for each cell"),
            ({"rows": ["f0"] * 4}, r"its mask is \(4, 6\), but its synapses are \(n_post, n_pre\) = \(5, 6\)"),
            ({"rows": [""] * 5}, "hexadecimal digits, 6 bits"),
            ({"rows": 3}, "hexadecimal digits, 6 bits"),
        )
    ),
    ((*INPUT, "direction"), "up", "direction: must be one of F, forward, R, recurrent, got 'up'"),
    ((*INPUT, "update_phase"), "C", "update_phase: must be one of F, forward, B"),
    ((*INPUT, "compartment"), "axon", "compartment: must be one of None, soma, dend"),
    ((*INPUT, "learning_rule"), "BP_like_3", "learning_rule: unknown learning rule 'BP_like_3': known are"),
    ((*INPUT, "learning_rule_kwargs"), {"learning_rate": -1}, "learning_rate must be a number of at least 0, got -1"),
    ((*INPUT, "learning_rate"), 0.1, "unknown key 'learning_rate': allowed are weight_init"),
    ((*INPUT, "weight_constraint"), "norm", "weight_constraint: must be one of normalize_weight"),
    (("projection_config", "H1", "SomaI", "H1", "E", "weight_constraint_kwargs"), {}, "misses .*'scale'"),
    (("projection_config", "H1", "SomaI", "H1", "E", "weight_constraint_kwargs"), {"size": 1}, "no parameter 'size'"),
    (("projection_config", "H1", "X"), {"Input": {"E": {}}}, "unknown population 'X' of H1: it has E, SomaI"),
    (("projection_config", "H1", "E", "H4"), {"E": {}}, "unknown layer 'H4'"),
    (("projection_config", "Input"), {"E": {"H1": {"E": {"learning_rule": None}}}}, "input population takes no"),
    (
        ("projection_config", "H1", "E", "Output", "E", "weight_constraint_kwargs"),
        {"source": "Output.E.H9.E"},
        "unknown clone source 'OutputE_H9E'",
    ),
    (
        ("projection_config", "H1", "E", "Output", "E", "weight_constraint_kwargs"),
        {"source": "Output.E.H1.E"},
        r"the clone source OutputE_H1E is \(2, 5\), which does not give \(5, 2\)",
    ),
    (
        ("projection_config", "H1", "E", "Output", "E", "weight_constraint_kwargs"),
        {"source": 3},
        "a source must be the name of a projection, got 3",
    ),
    (("projection_config", "H1", "E", "Output", "E", "learning_rule"), "BP_like_2L", "learning_rule must be null"),
    (("training_kwargs", "tau"), 0, "training_kwargs.tau: must be above 0"),
    (("training_kwargs", "forward_steps"), 1.5, "forward_steps: must be a whole number"),
    (("training_kwargs", "optimizer"), "Adam", "optimizer: must be SGD"),
    (("training_kwargs", "criterion"), "L1Loss", "criterion: must be MSELoss"),
    (("training_kwargs", "steps"), 3, "unknown key 'steps'"),
    (("training_kwargs", "learning_rate"), KeyError, "needs learning_rate"),
    (("seeds",), 3, "unknown key 'seeds': allowed are layer_config"),
    (("projection_config",), KeyError, "has no projection_config"),
]


@pytest.mark.parametrize(("path", "value", "words"), MISTAKES, ids=[f"{m[0][-1]}-{i}" for i, m in enumerate(MISTAKES)])
def test_mistakes_are_named(path, value, words, read):
    with pytest.raises(SpikedtpError, match=words) as caught:
        read(changed(path, value))
    assert "circuit.yaml" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "line "),
        ("a: 1\na: 2", "line 1: the key 'a' stands here twice"),
        ("- 1\n- 2", "must be a mapping"),
        ("", "has no layer_config"),
        ("x: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("x: !!python/name:os.system", "could not determine a constructor"),
        (SHORT.replace("type: Exc,", "type: Both,"), "H1.E.Input.E.type: must be Exc or Inh, got 'Both'"),
        (SHORT.replace("uniform(-0.5,0.5)", "uniform(a,b)"), "must be a distribution such as"),
        (SHORT.replace("uniform(-0.5,0.5)", "cauchy(0,1)"), "bias_init: must be one of"),
        (
            SHORT.partition("  H1.SomaI:\n")[0] + "  H1.SomaI: 3\n",
            "projection_config.H1.SomaI: must be a mapping, got 3",
        ),
        (SHORT.partition("  H1.SomaI:\n")[0] + "  H1.SomaI: {H1.E: 3}\n", "H1.SomaI.H1.E: must be a mapping, got 3"),
        (SHORT.replace("  H1.SomaI:\n", "  H1SomaI:\n"), "keys of the short form are Layer.cell"),
    ],
)
def test_files_that_are_no_circuits(text, words, read):
    with pytest.raises(SpikedtpError, match=words) as caught:
        read(text)
    assert "circuit.yaml" in str(caught.value) and "\n" not in str(caught.value)


# -- tasks and consolidation ---------------------------------------------------------------------------------------

BASE_INPUT = BASE["projection_config"]["H1"]["E"]["Input"]["E"]
BY_CLASS = {"task_incremental": True, "task_classes": [[0, 2], [1]]}
LEARNED = (INPUT, ("projection_config", "Output", "E", "H1", "E"))


def of_tasks(*options):
    """The circuit with a rule of tasks in both learned projections, with options for each."""
    config = copy.deepcopy(BASE)
    config["layer_config"]["Output"]["E"]["size"] = 3
    for path, more in zip(LEARNED, options, strict=True):
        place = config
        for key in path:
            place = place[key]
        place["learning_rule"], place["learning_rule_kwargs"] = "DTP_SI", {"learning_rate": 0.1, **more}
    return config


def test_tasks_by_class_hold_for_the_whole_circuit(read):
    assert read(of_tasks({}, {})).task_classes is None
    assert read(of_tasks({"task_incremental": False, "task_classes": None}, {})).task_classes is None
    circuit = read(of_tasks(BY_CLASS, BY_CLASS))
    assert circuit.task_classes == ((0, 2), (1,))
    assert circuit.projection("H1E_InputE").consolidation == SynapticIntelligence()
    assert circuit.projection("H1E_InputE").rule == DendriticState(0.1, one_pass=True)
    assert read(yaml.safe_load(circuit.to_yaml())) == circuit


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (({"task_incremental": True}, {}), "task_incremental needs task_classes, a list of classes for each task"),
        (({"task_incremental": 1}, {}), "task_incremental: must be true or false, got 1"),
        ((BY_CLASS, {}), "Output.E.H1.E.learning_rule_kwargs: task_incremental and task_classes must be as in"),
        (({**BY_CLASS, "task_classes": [[0, 2], [0, 1]]},) * 2, "task_classes: class 0 stands there twice"),
        (({**BY_CLASS, "task_classes": [[0], [1]]},) * 2, "task_classes: class 2 missing: put each into one task"),
        (({**BY_CLASS, "task_classes": [[0, 2], [1, 3]]},) * 2, "there is no class 3: classes are 0 to 2"),
        (({**BY_CLASS, "task_classes": [[0, 1, 2], []]},) * 2, "task_classes: task 2 has no classes"),
        (({**BY_CLASS, "task_classes": "01"},) * 2, "task_classes must be a list of lists of classes"),
        (({"si_xi": 0}, {}), "SynapticIntelligence: damping must be a number above 0, got 0"),
    ],
)
def test_mistakes_about_tasks(read, options, line):
    with pytest.raises(SpikedtpError) as caught:
        read(of_tasks(*options))
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_any_rule_can_be_consolidated(read):
    circuit = read(
        changed(INPUT, {**BASE_INPUT, "consolidation": "ElasticWeights", "consolidation_kwargs": {"n_samples": 9}})
    )
    assert circuit.projection("H1E_InputE").consolidation == ElasticWeights(n_samples=9)
    assert read(yaml.safe_load(circuit.to_yaml())) == circuit
    for more, line in (
        ({"consolidation": "EWC"}, r"consolidation: unknown consolidation 'EWC'"),
        ({"consolidation": 3}, "consolidation: must be one of SynapticIntelligence"),
        ({"consolidation": "ElasticRate"}, "consolidation: ElasticRate measures|ElasticRate measures"),
        ({"consolidation": "ElasticWeights", "learning_rule": None}, "is for a projection that learns"),
        ({"consolidation": "ElasticWeights", "learning_rule": "DTP_SI"}, "DTP_SI has one, SynapticIntelligence"),
    ):
        with pytest.raises(SpikedtpError, match=line):
            read(changed(INPUT, {**BASE_INPUT, **more}))


def test_srelu(read):
    cells = ("layer_config", "H1", "SomaI")
    size = {"size": 4, "activation": "srelu"}
    population = read(changed(cells, {**size, "activation_kwargs": {"slope": 0.5, "max": 2}})).population("H1SomaI")
    assert (population.slope, population.activity_bounds, population.signed) == (0.5, Bounds(0.0, 2.0), False)
    circuit = read(changed(cells, {**size, "activation_kwargs": {"min": None}}))
    assert circuit.population("H1SomaI").signed and read(yaml.safe_load(circuit.to_yaml())) == circuit
    for more, line in (
        ({"activation_kwargs": {"slop": 1}}, "unknown key 'slop': allowed are slope, min, max"),
        ({"activation_kwargs": {"slope": None}}, "slope: must be a finite number, got None"),
        ({"activation_kwargs": {"min": 2, "max": 1}}, "the lower bound 2 is above the upper bound 1"),
        ({"activation": "relu", "activation_kwargs": {"slope": 1}}, "unknown key 'slope'"),
    ):
        with pytest.raises(SpikedtpError, match=line):
            read(changed(cells, {**size, **more}))

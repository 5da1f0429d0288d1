"""A small circuit with everything that a rate network must keep apart, and samples for it."""

from __future__ import annotations

import numpy as np

EXC, INH = [0, None], [None, 0]


def soma(bounds, **more):
    return {"weight_init": "half_kaiming", "weight_bounds": bounds, "learning_rule": None, **more}


def config(rule="BP_like_2L", rule_kwargs=None, **more):
    """A small circuit with everything the phases must keep apart.

    Inhibition within a layer with F and R, a somatic projection of the nudge phase alone, feedback to a soma, biases,
    a linear population and a copy of a copy's source.
    """
    learned = {"learning_rule": rule, "learning_rule_kwargs": {"learning_rate": 0.05, **(rule_kwargs or {})}}
    dend = {"compartment": "dend", "update_phase": "B"}
    return {
        "layer_config": {
            "Input": {"E": {"size": 7}},
            "H1": {
                "E": {"size": 11, "activation": "relu", "include_bias": True},
                "SomaI": {"size": 4, "activation": "relu"},
                "DendI": {"size": 3, "activation": "linear", "include_bias": True},
            },
            "H2": {"E": {"size": 9, "activation": "relu"}, "DendI": {"size": 5, "activation": "relu"}},
            "Output": {"E": {"size": 3, "activation": "relu"}, "SomaI": {"size": 2, "activation": "relu"}},
        },
        "projection_config": {
            "H1": {
                "E": {
                    "Input": {"E": soma(EXC, **learned)},
                    "H1": {"SomaI": soma(INH, direction="R"), "DendI": soma(INH, direction="R", **dend)},
                    "H2": {"E": soma(EXC, **dend), "DendI": soma(INH, direction="R", update_phase="B")},
                },
                "SomaI": {"H1": {"E": soma(EXC)}, "H2": {"E": soma(EXC, direction="R", update_phase="A")}},
                "DendI": {"H1": {"E": soma(EXC, direction="R"), "DendI": soma(INH, direction="F")}},
            },
            "H2": {
                "E": {
                    "H1": {"E": soma(EXC, **learned)},
                    "H2": {"DendI": soma(INH, direction="R", **dend)},
                    "Output": {"E": soma(EXC, **dend)},
                },
                "DendI": {"H2": {"E": soma(EXC, direction="R")}, "Input": {"E": soma(EXC, update_phase="B")}},
            },
            "Output": {
                "E": {"H2": {"E": soma(EXC, **learned)}, "Output": {"SomaI": soma(INH, direction="R")}},
                "SomaI": {"Output": {"E": soma(EXC, direction="R", update_phase="A")}},
            },
        },
        "training_kwargs": {"tau": 2.5, "forward_steps": 6, "backward_steps": 2, **more},
    }


def sample(network, seed=0, n=None):
    rng = np.random.default_rng(seed)
    shape = () if n is None else (n,)
    x = rng.random((*shape, network.circuit.input.size), dtype=np.float32)
    return x, rng.random((*shape, network.circuit.output.size), dtype=np.float32)


def delayed(values, seed, most=4):
    """The circuit with a delay of 0 to `most` steps for every projection, at random."""
    rng = np.random.default_rng(seed)
    for cells in values["projection_config"].values():
        for inputs in cells.values():
            for pre in inputs.values():
                for projection in pre.values():
                    projection["delay"] = int(rng.integers(most + 1))
    return values

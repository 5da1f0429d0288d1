"""One circuit in the long and in the short form."""

from __future__ import annotations

LONG = """
layer_config:
  Input: {E: {size: 6}}
  H1:
    E: {size: 5, activation: relu, include_bias: true, bias_init: uniform_, bias_init_args: [-0.5, 0.5]}
    SomaI: {size: 3, activation: relu}
  Output:
    E: {size: 2, activation: relu, bias_learning_rule: DendriticLossBias,
        bias_learning_rule_kwargs: {learning_rate: 0.2}}
projection_config:
  H1:
    E:
      Input:
        E:
          weight_init: half_kaiming
          weight_init_args: !!python/tuple
          - 2.5
          weight_bounds: !!python/tuple
          - 0
          - null
          learning_rule: BP_like_2L
          learning_rule_kwargs: {learning_rate: 0.1, relu_gate: true, stochastic: false}
      H1:
        SomaI: {weight_init: half_kaiming, weight_bounds: [null, 0], direction: R, learning_rule: null}
      Output:
        E:
          weight_init: half_kaiming
          weight_bounds: [0, null]
          update_phase: B
          compartment: dend
          weight_constraint: clone_weight
          weight_constraint_kwargs: {source: Output.E.H1.E, transpose: true, scale: 0.5}
          learning_rule: null
    SomaI:
      H1:
        E: {weight_init: half_kaiming, weight_bounds: [0, null], direction: recurrent, update_phase: all,
            weight_constraint: normalize_weight, weight_constraint_kwargs: {scale: 3.0}, learning_rule: null}
        SomaI: {weight_init: half_kaiming, weight_bounds: [null, 0], direction: R, weight_constraint: no_autapses,
                learning_rule: null}
  Output:
    E:
      H1:
        E: {weight_init: half_kaiming, weight_bounds: [0, null], learning_rule: BP_like_2L}
training_kwargs: {tau: 3, forward_steps: 15, backward_steps: 0, learning_rate: 0.25}
"""
SHORT = """
layer_config:
  Input: {E: {size: 6}}
  H1:
    E: {size: 5, activation: relu, bias: 'uniform(-0.5,0.5)'}
    SomaI: {size: 3, activation: relu}
  Output:
    E: {size: 2, activation: relu, bias_learning_rule: DendriticLossBias,
        bias_learning_rule_kwargs: {learning_rate: 0.2}}
projection_config:
  H1.E:
    Input.E: {type: Exc, weight_init: half_kaiming, weight_init_args: [2.5], learning_rule: BP_like_2L,
              learning_rule_kwargs: {learning_rate: 0.1, relu_gate: true, stochastic: false}}
    H1.SomaI: {type: Inh, weight_init: half_kaiming, direction: R, learning_rule: None}
    Output.E: {type: exc, weight_init: half_kaiming, update_phase: B, compartment: dend, learning_rule: None,
               weight_constraint: clone_weight,
               weight_constraint_kwargs: {source: Output.E.H1.E, transpose: true, scale: 0.5}}
  H1.SomaI:
    H1.E: {type: E, weight_init: half_kaiming, direction: R, update_phase: A, learning_rule: None,
           weight_constraint: normalize_weight, weight_constraint_kwargs: {scale: 3.0}}
    H1.SomaI: {type: I, weight_init: half_kaiming, direction: R, weight_constraint: no_autapses, learning_rule: None}
  Output.E:
    H1.E: {type: Excitatory, weight_init: half_kaiming, weight_bounds: [0, None], learning_rule: BP_like_2L}
training_kwargs: {tau: 3, forward_steps: 15, backward_steps: 0, learning_rate: 0.25}
"""

"""The validation suite's checks, one module for each subject. A check takes a `Scale` and returns `Row`s.

`experiments/validation.py` runs all of them, and `tests/validation` runs them at quick size.
"""

from checks import (
    adaptive,
    burst_cells,
    conductances,
    firing,
    fixed_points,
    membranes,
    nest_cells,
    nest_conductances,
    nest_issue,
    nest_network,
    nest_plasticity,
    noise,
    own_membranes,
    pairs,
    plateaus,
    poisson,
    seconds,
)
from checks.row import FALSE_ALARM, Row, Scale

__all__ = ["FALSE_ALARM", "GROUPS", "Row", "Scale"]

GROUPS = {
    "Poisson inputs": (poisson.constant_rates, poisson.varying_rates, poisson.filtered_trains),
    "two compartments": (membranes.given_trains, membranes.attenuation, membranes.same_on_both_devices),
    "LIF without noise": (firing.constant_current,),
    "LIF with noise": (firing.noisy_current,),
    "conductances": (conductances.time_courses, conductances.postsynaptic_potentials, conductances.whole_cell),
    "adaptation and background noise": (
        adaptive.rate_against_current,
        adaptive.adaptation,
        adaptive.background,
        adaptive.white_noise,
    ),
    "membranes of the closed loop": (
        own_membranes.intervals_without_adaptation,
        own_membranes.rate_follows_activity,
    ),
    "NMDA plateaus": (plateaus.two_states, plateaus.duration),
    "burst cells": (burst_cells.drawn_bursts, burst_cells.active_dendrite),
    "STDP": (pairs.window, pairs.drift),
    "STDP with reward": (pairs.constant_reward, pairs.late_reward),
    "fixed points": (fixed_points.bcm, fixed_points.btsp),
    "BTSP over seconds": (seconds.at_rest, seconds.place_fields, seconds.poisson_spikes),
    "dendritic prediction": (fixed_points.dendritic_prediction,),
    "noise of ΔW": (noise.angle_and_ceiling,),
    "cells in NEST": (nest_cells.lif_spike_for_spike, nest_cells.one_synapse),
    "conductances in NEST": (nest_conductances.leaky_cells, nest_conductances.adaptive_exponential),
    "plasticity in NEST": (nest_plasticity.stdp, nest_plasticity.dopamine, nest_issue.as_posted),
    "network in NEST": (nest_network.cuba,),
}

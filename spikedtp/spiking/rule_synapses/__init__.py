"""Synapses that learn by a rule in any network: dense and sparse ones, with what they remember between spikes."""

"""All-to-all synapses as matrices."""

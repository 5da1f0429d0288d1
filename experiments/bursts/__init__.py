"""Networks of Burstprop, made of the cells and synapses of this package."""

"""One population spikes; its inputs are replayed from the rate network."""

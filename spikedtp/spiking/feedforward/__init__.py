"""Networks trained in torch, run in spikes."""

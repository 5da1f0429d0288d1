"""One learning rule, driven by given signals."""

"""The parts of `parity.py`: what lies between spikes and rate, and what closes it."""

"""Parts of `physiology.py`: its steps, what is measured of each, and the controls."""

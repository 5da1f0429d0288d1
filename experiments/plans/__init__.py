"""The checks of `planning.py`: plans against simulations."""

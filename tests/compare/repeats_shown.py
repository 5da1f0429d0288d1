"""How often each sample is presented."""

N_REPEATS = 60

"""Networks of ensembles of bursting cells that learn by Burstprop."""

"""E-prop: recurrent networks with linear read-outs, as arrays and in Brian2."""

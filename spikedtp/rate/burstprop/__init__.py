"""Networks that learn by Burstprop, as rates."""

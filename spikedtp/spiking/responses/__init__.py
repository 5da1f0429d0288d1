"""What a simulation gives back, and the weight changes that a rule makes of it."""

"""Learning rules side by side: each family of rules is trained, asked and timed in its own file, with one protocol."""

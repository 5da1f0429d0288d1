"""Runs any network that is built. Nothing here depends on what the network computes."""

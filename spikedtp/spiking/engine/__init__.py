"""Runs any network that is built. No science here."""

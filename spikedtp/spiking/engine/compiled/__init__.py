"""Writes, compiles, caches and starts the C++ of a network."""

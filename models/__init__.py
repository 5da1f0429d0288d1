"""Shipped circuits (NAME.yaml) and trained checkpoints (NAME.pt), data only: `spikedtp.circuit` finds and reads them.

NAME.md says where a model came from and how to make it again. Installed as the package `spikedtp.models`.
"""

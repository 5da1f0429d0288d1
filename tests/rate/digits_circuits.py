"""What the shipped circuits for digits have in common."""

from __future__ import annotations

FORWARD = ["H1E_InputE", "H2E_H1E", "OutputE_H2E"]

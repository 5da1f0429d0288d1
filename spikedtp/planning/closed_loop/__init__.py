"""The closed loop as what is planned."""

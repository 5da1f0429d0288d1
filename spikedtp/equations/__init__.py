"""Brian2 equation fragments. Cells are composed from them in `neurons`; nothing here creates Brian2 groups."""

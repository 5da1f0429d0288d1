"""What Brian2 has no object for, and code templates."""

"""One module for each command: EXAMPLES for its help, and `command`, which parses, calls the library and prints."""

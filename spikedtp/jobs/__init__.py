"""One file for each command: settings in, a folder of results out. The command line parses and prints."""

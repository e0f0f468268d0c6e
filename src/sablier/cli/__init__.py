"""The command line: one file a verb group; each parses, calls a workflow and prints. No logic."""

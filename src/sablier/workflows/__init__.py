"""The verbs whole: read, compute, write. What the command line and Python scripts call."""

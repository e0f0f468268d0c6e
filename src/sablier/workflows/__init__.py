"""The workflows behind the commands: read, compute, write. Python scripts call them, too."""

"""The tasks: model and images to a result. Nothing is printed, and no file is read or written except tables of codes."""

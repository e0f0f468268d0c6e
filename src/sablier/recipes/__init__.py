"""Recipes: complete configurations by name, as functions of the tier. One recipe a file, in `library/`."""

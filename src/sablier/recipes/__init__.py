"""Recipes: whole configurations by name, as functions of one dial, the tier. One recipe a file, in `library/`."""

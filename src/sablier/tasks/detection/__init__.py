"""Detection: which images do not belong, where, and how well that is found."""

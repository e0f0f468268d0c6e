"""Detection: which images are anomalous, where, and how well that is found."""

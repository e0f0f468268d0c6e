"""Classes: how images are told apart, the worst mistakes, attacks, and robustness."""

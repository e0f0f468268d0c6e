"""Classification: calibrated predictions, label errors, attacks, robustness and fooling images."""

"""RESULT -> figures and one self-contained HTML file. Pictures first; the colour scale of anomaly maps never changes."""

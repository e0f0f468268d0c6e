"""One loop for every objective; recipes are whole configurations."""

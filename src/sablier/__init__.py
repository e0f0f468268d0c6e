"""sablier learns what your images look like, and finds what does not belong."""

__version__ = "0.1.0"

"""Compression: images to the bytes of a .sabz file and back, with a model file of the recipe `codec`."""

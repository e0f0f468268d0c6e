"""Images to the bytes of a .sabz file, and back, by a model file of the recipe `codec`."""

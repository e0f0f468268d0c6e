"""From images to a model file: `train`, and one maker for each task."""

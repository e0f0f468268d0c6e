"""What is done with codes: reconstructions, clusters, maps, sums, and new images."""

"""Work with codes: reconstructions, clusters, maps, latent arithmetic, and new images."""

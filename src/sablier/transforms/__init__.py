"""Transforms of torch batches: stored pixels to a batch, augmentation and corruption. Seeded by torch's own generator."""

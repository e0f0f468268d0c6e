"""Torch batch -> batch: how stored pixels become a batch, and what is done to it. Seeded by torch's own generator."""

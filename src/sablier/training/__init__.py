"""The training loop, with its objectives, optimizers, checkpoints and progress."""

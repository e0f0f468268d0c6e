"""The default model starts as PCA, the linear autoencoder."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sablier.images import load_dataset
from sablier.models import create_model


@pytest.mark.parametrize("latent", [4, 16])
def test_it_starts_at_the_error_of_pca(latent):
    pixels = load_dataset("digits").array[:300, ..., 0] / np.float32(255)
    x = torch.from_numpy(pixels)[:, None]
    model = create_model("bottleneck", (8, 8, 1), latent=latent, width=8)
    model.initialise(x, seed=0)
    with torch.no_grad():
        ours = ((model.reconstruct(x) - x) ** 2).mean().item()
    flat = pixels.reshape(len(pixels), -1)
    pca = PCA(latent).fit(flat)
    assert ours == pytest.approx(((pca.inverse_transform(pca.transform(flat)) - flat) ** 2).mean(), rel=0.01)


def test_latents_of_the_training_images_have_unit_variance():
    pixels = load_dataset("digits").array[:300, ..., 0] / np.float32(255)
    x = torch.from_numpy(pixels)[:, None]
    model = create_model("bottleneck", (8, 8, 1), latent=4)
    model.initialise(x, seed=0)
    with torch.no_grad():
        latents = model.encode(x)
    assert latents.mean(dim=0).numpy() == pytest.approx(0, abs=1e-3)
    assert latents.std(dim=0).numpy() == pytest.approx(1, rel=0.02)


def test_a_wider_latent_than_there_are_images_is_no_trouble():
    model = create_model("bottleneck", (8, 8, 1), latent=64)
    x = torch.rand(5, 1, 8, 8)
    model.initialise(x, seed=0)
    assert torch.isfinite(model.reconstruct(x)).all()

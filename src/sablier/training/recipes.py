"""Recipes: whole configurations, as functions of one dial, the tier.

`detector` (default) has several members that look at images in different ways, others at photos than at small images.
`autoencoder` draws images again from a few numbers. `representation` does it from moved copies, so that its numbers say what
an image shows: for clusters, maps and few labels. `generator` makes new images, from a short code with a flow over it;
`variational` is the variational autoencoder, to compare with. `gan` makes new images by a game of two nets. `codec` keeps
images in few bytes. `denoiser` removes noise from images of any size, and learns it from clean ones; `denoiser-noisy-only` from
noisy ones alone. `course-dense` and `course-conv` are the nets of the course's first two lessons, with our schedule. Those of
classifiers stand in `classifier_recipes.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from sablier.errors import ConfigError, ModelFileError, UnknownName
from sablier.training.classifier_recipes import classifier, classifier_fast, classifier_robust, course_cnn, course_softmax
from sablier.training.config import FitConfig
from sablier.training.objectives import (
    Adversarial,
    Agreement,
    Denoising,
    FlowMatching,
    Inpainting,
    NoisyOnly,
    PixelLikelihood,
    RateDistortion,
    Reconstruction,
    RegularisedReconstruction,
    TransformationPrediction,
    Variational,
)
from sablier.training.recipe import N, Network, Recipe, with_settings

TIERS = ("tiny", "small", "base", "large")


def detector(tier: str) -> Recipe:
    """Return the default recipe: train on normal images, find what does not belong."""
    # Chosen on held-out training images of MNIST, Fashion-MNIST and CIFAR-10, and on good training photos with hand-drawn
    # defects: see docs/LOG.md. A tier takes a few times as long as the one below.
    steps, megapixels, width, size = {
        "tiny": (100, 10.0, 16, 128),
        "small": (300, 35.0, 32, 192),
        "base": (700, 80.0, 32, 256),
        "large": (1000, 320.0, 32, 384),
    }[tier]
    turns, turned_megapixels, turning_width = {
        "tiny": (100, 20.0, 8), "small": (300, 80.0, 16), "base": (700, 160.0, 16), "large": (1200, 320.0, 24),
    }[tier]  # fmt: skip
    turning = Network(
        model="convnet",
        options={"width": turning_width},
        objective=TransformationPrediction(),
        fit=FitConfig(
            steps=turns, megapixels=turned_megapixels, batch_size=256, optimizer="muon", learning_rate=0.02, weight_decay=0.0,
            warmup=0.1, ema=0.0, gradient_clip=0.0,
        ),
    )  # fmt: skip
    filled, filled_megapixels, filling_width = {
        "tiny": (100, 20.0, 16), "small": (300, 150.0, 32), "base": (600, 640.0, 32), "large": (1500, 4000.0, 32),
    }[tier]  # fmt: skip
    filling = Network(
        model="inpainter",
        options={"width": filling_width},
        objective=Inpainting(),
        fit=FitConfig(
            steps=filled, megapixels=filled_megapixels, batch_size=16, optimizer="muon", learning_rate=0.01, weight_decay=0.0,
            warmup=0.1, ema=0.0,
        ),
    )  # fmt: skip
    return Recipe(
        name="detector",
        members=("closed-form",) if tier == "tiny" else ("restoration", "transformations", "closed-form"),
        photo_members=("patches", "closed-form") if tier == "tiny" else ("patches", "inpainting"),
        others={"transformations": turning, "inpainting": filling},
        screen=tier != "tiny",  # it takes longer than the whole tier
        options={"latent": 16, "width": width},
        objective=Reconstruction(noise=0.3),
        fit=FitConfig(steps=steps, megapixels=megapixels),
        size=size,
    )


def course_dense(tier: str) -> Recipe:
    """Return the net and the budget of lesson 1 (10 epochs, batches of 64) with our schedule."""
    return Recipe(
        name="course-dense",
        model="course_dense",
        options={"latent": 128},
        # Weight decay keeps the net from redrawing what it has not seen; chosen on held-out training digits (docs/LOG.md).
        fit=FitConfig(epochs=10, batch_size=64, learning_rate=3e-3, weight_decay=0.7, ema=0.0, gradient_clip=0.0),
        size=28,
    )


def autoencoder(tier: str) -> Recipe:
    """Return the recipe that draws images again as closely as it can from a few numbers."""
    # Optimizer and rate were chosen on held-out training images: see docs/LOG.md. bench/reconstruct.py times base; a tier sees
    # about four times the images of the one below.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 32), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    return Recipe(
        name="autoencoder",
        task="reconstruct",
        options={"latent": 32, "width": width},
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
    )


def representation(tier: str) -> Recipe:
    """Return the recipe whose codes say what an image shows rather than where: moved copies must be drawn as they were."""
    # Chosen on held-out training digits (docs/LOG.md): without agreement a linear probe and k-means find fewer labels, with
    # twice as much of it the images get softer. bench/latent.py measures base.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 16), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    return Recipe(
        name="representation",
        task="reconstruct",
        options={"latent": 32, "width": width},
        objective=Agreement(turn=20, shift=0.1, scale=0.15, shear=0.2, noise=0.2, agreement=0.05),
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
    )


def generator(tier: str) -> Recipe:
    """Return the recipe for new images: a short code whose neighbours decode to near images, and a flow over the codes."""
    # Code length and noise were chosen on held-out training digits (docs/LOG.md); bench/generate.py measures base.
    steps, megapixels, width = {
        "tiny": (150, 12.0, 16), "small": (500, 50.0, 32), "base": (2000, 200.0, 32), "large": (6000, 600.0, 48),
    }[tier]  # fmt: skip
    flowing, codes = {"tiny": (300, 10_000), "small": (1000, 20_000), "base": (4000, 60_000), "large": (16_000, 60_000)}[tier]
    flow = Network(
        model="flow",
        objective=FlowMatching(),
        fit=FitConfig(steps=flowing, megapixels=1e6, batch_size=256, learning_rate=1e-3, weight_decay=0.0, ema=0.999),
    )
    return Recipe(
        name="generator",
        task="reconstruct",
        options={"latent": 16, "width": width},
        others={"flow": flow},
        mixture_codes=codes,
        objective=RegularisedReconstruction(),
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, weight_decay=0.1, ema=0.995),
    )


def variational(tier: str) -> Recipe:
    """Return the recipe of the variational autoencoder, whose codes follow one Gaussian by training rather than afterwards."""
    like = generator(tier)
    return replace(like, name="variational", model="variational", objective=Variational(), others={})


def gan(tier: str) -> Recipe:
    """Return the recipe for new images by a game: a net that draws against one that tells drawn images from real ones."""
    # Chosen on held-out training digits (docs/LOG.md): small batches, long steps, and a short memory for the spread of gradients,
    # without which such steps leave the game. bench/gan.py measures base.
    steps, megapixels, width, judging = {
        "tiny": (800, 20.0, 16, 8),
        "small": (6000, 150.0, 24, 16),
        "base": (26_000, 640.0, 24, 16),
        "large": (80_000, 2400.0, 48, 24),
    }[tier]
    return Recipe(
        name="gan",
        task="generate",
        model="gan",
        options={"latent": 64, "width": width, "discriminator_width": judging},
        objective=Adversarial(),
        # Without momentum, since the other player's answer has changed by the next step; the average of weights takes its place.
        fit=FitConfig(
            steps=steps, megapixels=megapixels, batch_size=32, optimizer="adam", learning_rate=3e-3, beta1=0.0, beta2=0.9,
            weight_decay=0.0, warmup=0.05, ema=0.999, gradient_clip=0.0,
        ),
        size=32,
    )  # fmt: skip


def codec(tier: str) -> Recipe:
    """Return the recipe that keeps images in few bytes: a network of rounded codes, and one that says how likely pixels are."""
    steps, megapixels, width, latent = {
        "tiny": (150, 12.0, 16, 32), "small": (500, 50.0, 24, 48), "base": (2000, 200.0, 32, 64), "large": (6000, 600.0, 48, 96),
    }[tier]  # fmt: skip
    # The second net looks at pairs of images: twice the pixels.
    looks, looked_megapixels, looking_width = {
        "tiny": (150, 24.0, 32), "small": (500, 100.0, 64), "base": (3000, 700.0, 128), "large": (9000, 2000.0, 192),
    }[tier]  # fmt: skip
    context = Network(
        model="pixel_context",
        options={"width": looking_width},
        objective=PixelLikelihood(),
        fit=FitConfig(
            steps=looks, megapixels=looked_megapixels, batch_size=128, optimizer="muon", learning_rate=0.02, weight_decay=0.0,
            ema=0.995,
        ),
    )  # fmt: skip
    return Recipe(
        name="codec",
        task="compress",
        model="compressor",
        options={"latent": latent, "width": width},
        objective=RateDistortion(),
        others={"context": context},
        fit=FitConfig(steps=steps, megapixels=megapixels, optimizer="muon", learning_rate=0.02, ema=0.995),
        size=32,
    )


def course_conv(tier: str) -> Recipe:
    """Return the net of lesson 2 with our schedule: 3 epochs instead of 50."""
    return Recipe(
        name="course-conv",
        task="reconstruct",
        model="course_conv",
        options={"filters": 32},
        fit=FitConfig(epochs=3, batch_size=64, learning_rate=1e-2, ema=0.0),
        size=28,
    )


def denoiser(tier: str) -> Recipe:
    """Return the recipe that removes noise: Gaussian, of any strength up to the whole range from black to white."""
    # Chosen on held-out training digits (docs/LOG.md): a tier takes about 10 s, 1, 2 and 7 minutes on two processor cores.
    megapixels, width, blocks, batch_size = {
        "tiny": (8.0, 32, 1, 16), "small": (45.0, 40, 1, 64), "base": (140.0, 48, 1, 64), "large": (150.0, 64, 2, 64),
    }[tier]  # fmt: skip
    return Recipe(
        name="denoiser",
        task="denoise",
        model="unet",
        options={"width": width, "blocks": blocks},
        objective=Denoising(),
        fit=FitConfig(
            steps=100_000, megapixels=megapixels, batch_size=batch_size, optimizer="muon", learning_rate=0.01, weight_decay=0.0
        ),
        size=64,
    )


def denoiser_noisy_only(tier: str) -> Recipe:
    """Return the same, learnt from images that are all noisy."""
    return replace(denoiser(tier), name="denoiser-noisy-only", objective=NoisyOnly())


RECIPES: dict[str, Callable[[str], Recipe]] = {
    "detector": detector,
    "autoencoder": autoencoder,
    "representation": representation,
    "generator": generator,
    "variational": variational,
    "gan": gan,
    "codec": codec,
    "classifier": classifier,
    "classifier-fast": classifier_fast,
    "classifier-robust": classifier_robust,
    "denoiser": denoiser,
    "denoiser-noisy-only": denoiser_noisy_only,
    "course-dense": course_dense,
    "course-conv": course_conv,
    "course-softmax": course_softmax,
    "course-cnn": course_cnn,
}


def make_recipe(name: str = "detector", tier: str = "base", settings: Iterable[str] = ()) -> Recipe:
    """Return a recipe with single values changed by "key=value" settings.

    >>> make_recipe(settings=["epochs=20", "optimizer=sgd", "latent=8"]).fit.epochs
    20

    Raises:
        UnknownName: for a recipe, tier or key that does not exist.
        ConfigError: for a value a key does not take.
    """
    if name not in RECIPES:
        raise UnknownName("recipe", name, RECIPES)
    if tier not in TIERS:
        raise UnknownName("tier", tier, TIERS)
    return with_settings(RECIPES[name](tier), settings)


def recipe_from(kept: Mapping[str, Any]) -> Recipe:
    """Return the recipe that a model file keeps as plain values in its provenance, to train another model alike.

    >>> recipe_from(make_recipe("course-cnn", settings=["epochs=1"]).to_dict()).fit.epochs
    1

    Raises:
        ModelFileError: where these are not the values of a recipe that this version knows.
    """
    try:
        made = make_recipe(kept["name"])
        others = {name: _network_from(made.others[name], values) for name, values in kept["others"].items()}
        return _network_from(replace(made, others=others), {key: value for key, value in kept.items() if key != "others"})
    except (KeyError, TypeError, AttributeError, UnknownName, ConfigError) as error:
        raise ModelFileError(f"the model file keeps no recipe that this version can repeat: {error}. Train it again.") from error


def _network_from(made: N, kept: Mapping[str, Any]) -> N:
    """Return a network of a recipe with the values that a model file keeps of it."""
    objective, fit = replace(made.objective, **kept["objective"]), replace(made.fit, **kept["fit"])
    tuples = {item.name for item in fields(made) if isinstance(getattr(made, item.name), tuple)}
    plain: dict[str, Any] = {key: tuple(value) if key in tuples else value for key, value in kept.items()}
    return replace(made, **{**plain, "objective": objective, "fit": fit})

"""Recipes: whole configurations, as functions of one dial, the tier. The only place with magic numbers.

`detector` (default) has several members that look at images in different ways, others at photos than at small images.
`autoencoder` draws images again from a few numbers. `denoiser` removes noise from images of any size, and learns it from
clean ones; `denoiser-noisy-only` from noisy ones alone. `course-dense` and `course-conv` are the nets of the course's
first two lessons, with our schedule.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sablier.errors import ConfigError, UnknownName
from sablier.models.registry import list_models, model_options
from sablier.training.config import FitConfig, check_choices
from sablier.training.objectives import Denoising, Inpainting, NoisyOnly, Reconstruction, TransformationPrediction

TIERS = ("tiny", "small", "base", "large")
N = TypeVar("N", bound="Network")

MEMBERS = ("restoration", "transformations", "closed-form", "patches", "inpainting")
WITH_NETWORK = ("transformations", "inpainting")  # besides "restoration", whose network is the recipe's own
DRAWING = ("restoration", "closed-form", "inpainting")  # those that say what an image should look like, and where it does not
# Settings of the run and of its length: without a network's name before them they are set for all networks of a recipe.
SHARED = ("seed", "threads", "device", "dtype", "compile", "profile", "epochs", "steps", "megapixels")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network and how it is trained."""

    model: str = "bottleneck"
    options: dict[str, Any] = field(default_factory=dict)  # of the model; what is not named keeps its default
    objective: Reconstruction | Denoising | NoisyOnly | TransformationPrediction | Inpainting = field(
        default_factory=Reconstruction
    )
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        if self.model not in list_models():
            raise UnknownName("model", self.model, list_models())

    def settings(self) -> dict[str, Any]:
        """Return every key that `--set` takes, with its present value."""
        return asdict(self.objective) | asdict(self.fit) | model_options(self.model) | self.options


@dataclass(frozen=True, kw_only=True)
class Recipe(Network):
    """Everything that decides how a model is made from images.

    Of a detector, the network is that of the member "restoration"; `others` are those of other members, by name.
    """

    name: str
    task: Literal["detect", "reconstruct", "denoise"] = "detect"
    members: tuple[str, ...] = ("restoration",)  # ways to look at small images, see MEMBERS
    photo_members: tuple[str, ...] = ("restoration",)  # ways to look at photos, whose defects may be small
    photo_side: int = 64  # pixels of the longer side above which an image is a photo
    others: dict[str, Network] = field(default_factory=dict)
    screen: bool = True  # whether training images that may not belong among the others are kept from teaching anything
    size: int = 128  # longer side in pixels that photos are scaled to, or of patches; small images of one size stay whole
    folds: int = 5  # cross-conformal folds, each a model of its own, where images are few
    folds_below: int = 300  # with fewer images than this, folds; from here on, one split
    fold_effort: float = 0.4  # share of `steps` and `megapixels` that each fold trains for: few images are soon learnt
    fusion_share: float = 0.1  # of the images, held out to fit corrections on and to validate with
    calibration_share: float = 0.2  # of the images, held out for the promise

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices(self)
        for name in ("members", "photo_members"):
            if not getattr(self, name):
                raise ConfigError(f"expected {name}, one or more of {', '.join(MEMBERS)}, got none.")
            for member in getattr(self, name):
                if member not in MEMBERS:
                    raise UnknownName("member", member, MEMBERS)
                if member in WITH_NETWORK and member not in self.others:
                    raise ConfigError(f"recipe {self.name} has no network for the member {member}. Use the recipe detector.")
            if not set(getattr(self, name)) & set(DRAWING):
                raise ConfigError(f"expected one of {', '.join(DRAWING)} among {name}: only they draw. Add one.")
        limits = {
            "size": (8, 4096), "photo_side": (1, 4096), "folds": (2, 50), "fold_effort": (0.01, 1), "fusion_share": (0.01, 0.4),
            "calibration_share": (0.01, 0.5),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"expected {name} from {low} to {high}, got {getattr(self, name)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the model file."""
        return asdict(self)

    def settings(self) -> dict[str, Any]:
        """Return every key that `--set` takes, with its present value; of the other networks with their name before it."""
        flat = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _not_set(self.task)}
        flat = {key: ",".join(value) if isinstance(value, tuple) else value for key, value in flat.items()}
        others = {f"{name}.{key}": value for name, other in self.others.items() for key, value in other.settings().items()}
        return flat | super().settings() | others

    def networks(self, longer_side: int) -> dict[str, Network | None]:
        """Return the network of each member of a detector of images of so many pixels; None for a member without one."""
        members = self.photo_members if longer_side > self.photo_side else self.members
        return {name: self if name == "restoration" else self.others.get(name) for name in members}


def _not_set(task: str) -> tuple[str, ...]:
    """Return the fields that are no settings: parts of their own, and what only a detector uses."""
    parts = ("name", "task", "options", "objective", "fit", "others")
    of_detectors = (
        "members",
        "photo_members",
        "photo_side",
        "screen",
        "folds",
        "folds_below",
        "fold_effort",
        "calibration_share",
    )
    return parts if task == "detect" else (*parts, *of_detectors)


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
    "denoiser": denoiser,
    "denoiser-noisy-only": denoiser_noisy_only,
    "course-dense": course_dense,
    "course-conv": course_conv,
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
    recipe = RECIPES[name](tier)
    pairs = dict(map(_pair, settings))
    if "model" in pairs:  # first: which options there are depends on it
        recipe = replace(recipe, model=pairs.pop("model"), options={})
    return _changed(recipe, pairs)


def _pair(setting: str) -> tuple[str, str]:
    key, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError(f"expected --set key=value, got {setting!r}. For example --set epochs=20.")
    return key.strip().replace("-", "_"), text.strip()


def _changed(recipe: Recipe, pairs: dict[str, str]) -> Recipe:
    """Return the recipe with every pair set, those of one part at once: a range may move past its old end."""
    known = recipe.settings()
    for key in pairs:
        if key not in known:
            raise UnknownName("setting", key, known)
    own, others = {key: text for key, text in pairs.items() if "." not in key}, {}
    for name, network in recipe.others.items():
        named = {key.removeprefix(f"{name}."): text for key, text in pairs.items() if key.startswith(f"{name}.")}
        others[name] = _changed_network(network, {key: own[key] for key in own if key in SHARED} | named)
    return replace(_changed_network(recipe, own), others=others)


def _changed_network(network: N, pairs: dict[str, str]) -> N:
    """Return a network, or a recipe by its own network, with known settings changed."""
    parts: dict[str, dict[str, Any]] = {"objective": {}, "fit": {}, "options": {}, "whole": {}}
    for key, text in pairs.items():
        part = next((name for name in ("objective", "fit") if hasattr(getattr(network, name), key)), None)
        if part is not None:
            kind = get_type_hints(type(getattr(network, part)))[key]
        elif key in model_options(network.model):
            part, kind = "options", type(model_options(network.model)[key])
        else:
            part, kind = "whole", get_type_hints(type(network))[key]
        parts[part][key] = _parsed(key, text, kind)
    return replace(
        network,
        objective=replace(network.objective, **parts["objective"]),
        fit=replace(network.fit, **parts["fit"]),
        options={**network.options, **parts["options"]},
        **parts["whole"],
    )


def _parsed(key: str, text: str, kind: Any) -> Any:
    """Return `text` as a value of the annotated type."""
    if get_origin(kind) in (Union, UnionType):
        if text.lower() in ("none", "auto"):
            return None
        kind = next(option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(kind) is Literal or kind is str:
        return text
    if kind is bool:
        kind = _yes_or_no
    try:
        return kind(text)
    except (ValueError, KeyError) as error:
        wanted = {"int": "a whole number", "float": "a number", "_yes_or_no": "yes or no"}.get(kind.__name__, kind.__name__)
        raise ConfigError(f"expected {wanted} for {key}, got {text!r}.") from error


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[text.lower()]

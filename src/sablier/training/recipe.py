"""What a recipe is: a whole configuration, any value of which can be set."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sablier.errors import ConfigError, UnknownName
from sablier.models.registry import list_models, model_options
from sablier.training.config import FitConfig, check_choices
from sablier.training.objectives import Objective, Reconstruction
from sablier.training.optimizers import OPTIMIZERS

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
    objective: Objective = field(default_factory=Reconstruction)
    fit: FitConfig = field(default_factory=FitConfig)
    rates: dict[str, float] = field(default_factory=dict)  # learning rates of other optimizers, where one is set without a rate

    def __post_init__(self) -> None:
        if self.model not in list_models():
            raise UnknownName("model", self.model, list_models())

    def settings(self) -> dict[str, Any]:
        """Return every key that `--set` takes, with its present value."""
        return asdict(self.objective) | asdict(self.fit) | model_options(self.model) | self.options


@dataclass(frozen=True, kw_only=True)
class Recipe(Network):
    """Everything that decides how a model is made from images.

    Of a detector, the network is that of the member "restoration"; `others` are those of other members, by name. Of an
    autoencoder, `others` may hold a "flow" over its codes; of a codec, it holds the "context" that says how likely pixels are.
    """

    name: str
    task: Literal["detect", "reconstruct", "denoise", "generate", "compress", "classify"] = "detect"
    members: tuple[str, ...] = ("restoration",)  # ways to look at small images, see MEMBERS
    photo_members: tuple[str, ...] = ("restoration",)  # ways to look at photos, whose defects may be small
    photo_side: int = 64  # pixels of the longer side above which an image is a photo
    others: dict[str, Network] = field(default_factory=dict)
    screen: bool = True  # whether training images that may not belong among the others are kept from teaching anything
    repeats: bool = True  # whether images that repeat each other are looked for; they form groups, and each group counts once
    size: int = 128  # longer side in pixels that photos are scaled to, or of patches; small images of one size stay whole
    folds: int = 5  # cross-conformal folds, each a model of its own, where images are few
    folds_below: int = 300  # with fewer images than this, folds; from here on, one split
    fold_effort: float = 0.4  # share of `steps` and `megapixels` that each fold trains for: few images are soon learnt
    fusion_share: float = 0.1  # of the images, held out to fit corrections on and to validate with
    calibration_share: float = 0.2  # of the images, held out for the promise
    mixture_codes: int = 10_000  # most codes of an autoencoder that the mixture over them is fitted to; time grows in proportion
    budget_seconds: float | None = None  # of a classifier: how long it may train, which then decides width and epochs
    base_quality: int = 10  # of a codec: of the lossy version that a lossless file starts from, 1 to 100

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
            "calibration_share": (0.01, 0.5), "mixture_codes": (2, 10_000_000), "base_quality": (1, 100),
            "budget_seconds": (1, 1_000_000),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"expected {name} from {low} to {high}, got {value}.")

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
    """Return the fields that are no settings: parts of their own, and what only another task uses."""
    parts = ("name", "task", "options", "objective", "fit", "rates", "others")
    of_detectors = (
        "members",
        "photo_members",
        "photo_side",
        "screen",
        "repeats",
        "folds",
        "folds_below",
        "fold_effort",
        "calibration_share",
    )
    of_others = {"reconstruct": "mixture_codes", "compress": "base_quality", "classify": "budget_seconds"}
    hidden = parts if task == "detect" else (*parts, *of_detectors)
    return (*hidden, *(name for other, name in of_others.items() if other != task))


def with_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return the recipe with single values changed by "key=value" settings.

    Raises:
        UnknownName: for a key that does not exist.
        ConfigError: for a value a key does not take.
    """
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
    """Return a network, or a recipe by its own network, with known settings changed; another optimizer brings its rate."""
    optimizer = pairs.get("optimizer", network.fit.optimizer)
    if optimizer != network.fit.optimizer:
        pairs = {"learning_rate": f"{network.rates.get(optimizer, OPTIMIZERS.named(optimizer).learning_rate)}", **pairs}
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
    try:
        return READERS.get(kind, kind)(text)
    except (ValueError, KeyError, ArithmeticError) as error:
        wanted = {"int": "a whole number", "float": "a number", "bool": "yes or no"}.get(kind.__name__, kind.__name__)
        raise ConfigError(f"expected {wanted} for {key}, got {text!r}.") from error


def _number(text: str) -> float:
    return float(Fraction(text))  # which knows 8/255 as well


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[text.lower()]


READERS = {float: _number, bool: _yes_or_no}

"""Faces drawn by shapes: any number, seeded, with known attributes, and with synthetic defects and their masks.

The lesson on latent arithmetic speaks of men and women with and without glasses. A drawing cannot say who is a man, so two
face shapes, round and angular, stand for them. All else (place, size, tones, thickness of lines, proportions) varies
independently of the attributes.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image, ImageDraw

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.typing import Array

SIDE = 48
ZOOM = 4  # drawn this many times larger, then reduced, so that edges and shifts are smooth
SHAPES, HAIRS = ("round", "angular"), ("short", "long")
DEFECTS = ("scratch", "blot", "missing")
FEATURES = ("left eye", "right eye", "nose", "mouth")  # one of them is not drawn where something is missing
GOOD = "none"
VISIBLE = 25  # a pixel belongs to a defect if it changed by more than this, of 255
SMALLEST_DEFECT_PIXELS = 8


@dataclass(frozen=True)
class Traits:
    """The attributes of a face."""

    shape: str
    hair: str
    glasses: bool
    smile: bool

    @property
    def label(self) -> str:
        """All four in words.

        >>> Traits("round", "long", glasses=True, smile=False).label
        'round-long-glasses-neutral'
        """
        return "-".join(
            [self.shape, self.hair, "glasses" if self.glasses else "bare", "smile" if self.smile else "neutral"]
        )  # fmt: skip


COMBINATIONS = tuple(Traits(*traits) for traits in product(SHAPES, HAIRS, (False, True), (False, True)))


@dataclass(frozen=True)
class Pose:
    """What varies from face to face besides the attributes.

    Args:
        right, down: the shift of the face, in pixels.
        size: a factor on all lengths.
        line: the thickness of lines, in pixels.
        eyes, mouth: the distance of an eye from the middle, and of the mouth from the eyes, in pixels.
        background, skin, hair, cloth: grey tones, from 0 to 255.
    """

    right: float
    down: float
    size: float
    line: float
    eyes: float
    mouth: float
    background: int
    skin: int
    hair: int
    cloth: int

    @classmethod
    def drawn(cls, random: np.random.Generator) -> "Pose":
        """Return a random pose."""
        right, down = random.uniform(-1, 1, 2)
        return cls(
            right=float(right),
            down=float(down),
            size=random.uniform(0.95, 1.04),
            line=random.uniform(1.0, 1.5),
            eyes=random.uniform(5.3, 6.2),
            mouth=random.uniform(10.0, 11.5),
            background=int(random.integers(95, 125)),
            skin=int(random.integers(165, 240)),
            hair=int(random.integers(10, 70)),
            cloth=int(random.integers(40, 90)),
        )


def faces(n: int = 5000, *, seed: int = 0, defects: float = 0.0) -> ImageSet:
    """Draw `n` faces.

    Each of the sixteen combinations of attributes is equally likely. The same seed gives the same faces whatever the number
    and the share of defects: a smaller set is the beginning of a larger one.

    Args:
        n: how many.
        seed: of everything random.
        defects: the share of images, 0 to 1, with one defect: a light scratch, a dark blot, or a missing eye, nose or mouth.

    Returns:
        n,48,48,1 uint8 with labels such as "round-long-glasses-smile", attributes shape, hair, glasses, smile and defect (its
        kind, or "none"), and masks of the pixels that a defect changed visibly.

    Raises:
        ImagesError: for a number or a share out of range.

    >>> images = faces(20, seed=1, defects=0.25)
    >>> images.shape, int((images.attributes["defect"] != "none").sum()), images.masks.shape
    ((48, 48, 1), 5, (20, 48, 48))
    """
    if n < 1 or not 0 <= defects <= 1:
        raise ImagesError(f"expected at least 1 face and a share of defects from 0 to 1, got n={n}, defects={defects}.")
    broken = np.zeros(n, bool)
    broken[np.random.default_rng([seed, 1]).permutation(n)[: round(defects * n)]] = True
    pixels, masks = np.empty((n, SIDE, SIDE, 1), np.uint8), np.zeros((n, SIDE, SIDE), bool)
    kinds = np.full(n, GOOD, object)
    traits: list[Traits] = []
    for index in range(n):
        random = np.random.default_rng([seed, 0, index])
        traits.append(COMBINATIONS[random.integers(len(COMBINATIONS))])
        pose = Pose.drawn(random)
        pixels[index, ..., 0] = draw_face(traits[-1], pose)
        if broken[index]:
            kinds[index] = DEFECTS[random.integers(len(DEFECTS))]
            pixels[index, ..., 0], masks[index] = _damaged(traits[-1], pose, kinds[index], random)
    return ImageSet(
        pixels,
        labels=np.array([each.label for each in traits]),
        attributes={
            **{name: np.array([getattr(each, name) for each in traits]) for name in ("shape", "hair", "glasses", "smile")},
            "defect": kinds.astype(str),
        },
        masks=masks,
        source=f"faces(n={n}, seed={seed}, defects={defects:g})",
    )


def draw_face(traits: Traits, pose: Pose, without: str = "") -> Array:
    """Return a face, 48,48 uint8, without one of `FEATURES` if it is named."""
    return _reduced(_canvas(traits, pose, without))


def _reduced(canvas: Image.Image) -> Array:
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))


def _damaged(traits: Traits, pose: Pose, kind: str, random: np.random.Generator) -> tuple[Array, Array]:
    """Return a face with a defect, and the mask of the change; repeated until it is visible."""
    before = draw_face(traits, pose).astype(int)
    while True:
        missing = FEATURES[random.integers(len(FEATURES))] if kind == "missing" else ""
        canvas = _canvas(traits, pose, missing)
        if kind != "missing":
            _mark(ImageDraw.Draw(canvas), kind, random)
        after = _reduced(canvas)
        mask = np.abs(after - before) > VISIBLE
        if mask.sum() >= SMALLEST_DEFECT_PIXELS:
            return after, mask


def _mark(draw: ImageDraw.ImageDraw, kind: str, random: np.random.Generator) -> None:
    """Draw a scratch or a blot across the face."""
    middle = random.uniform(0.3, 0.7, 2) * SIDE * ZOOM
    if kind == "scratch":
        angle, length = random.uniform(0, np.pi), random.uniform(6, 12) * ZOOM
        reach = length * np.array([np.cos(angle), np.sin(angle)])
        draw.line([*(middle - reach), *(middle + reach)], fill=255, width=int(random.integers(ZOOM, 2 * ZOOM)))
        return
    radii = random.uniform(2, 4, 2) * ZOOM
    draw.ellipse([*(middle - radii), *(middle + radii)], fill=0)


def _canvas(traits: Traits, pose: Pose, without: str) -> Image.Image:
    """Return a face, `ZOOM` times larger than its image."""
    canvas = Image.new("L", (SIDE * ZOOM, SIDE * ZOOM), pose.background)
    pen = _Pen(ImageDraw.Draw(canvas), pose)
    _draw_body(pen, traits)
    _draw_features(pen, traits.smile, without)
    if traits.glasses:
        _draw_glasses(pen)
    return canvas


@dataclass(frozen=True)
class _Pen:
    """Draws in lengths of pixels, from the middle between the eyes, to the right and down."""

    draw: ImageDraw.ImageDraw
    pose: Pose

    def at(self, right: float, down: float) -> tuple[float, float]:
        pose = self.pose
        return (
            (SIDE / 2 + pose.right + right * pose.size) * ZOOM,
            (0.47 * SIDE + pose.down + down * pose.size) * ZOOM,
        )  # fmt: skip

    def line_width(self, factor: float = 1.0) -> int:
        return max(1, round(self.pose.line * factor * ZOOM))

    def oval(self, right: float, down: float, across: float, height: float, fill: int) -> None:
        self.draw.ellipse([*self.at(right - across, down - height), *self.at(right + across, down + height)], fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, round_by: float, fill: int) -> None:
        self.draw.rounded_rectangle([*self.at(left, top), *self.at(right, bottom)], round_by * self.pose.size * ZOOM, fill)

    def area(self, points: list[tuple[float, float]], fill: int) -> None:
        self.draw.polygon([self.at(*point) for point in points], fill=fill)

    def line(self, points: list[tuple[float, float]], fill: int, factor: float = 1.0) -> None:
        self.draw.line([self.at(*point) for point in points], fill=fill, width=self.line_width(factor), joint="curve")


def _draw_body(pen: _Pen, traits: Traits) -> None:
    """Draw hair, shoulders, neck, ears and the outline of the face."""
    pose = pen.pose
    if traits.hair == "long":
        pen.box(-15.5, -16.5, 15.5, 18, 13, pose.hair)
    pen.box(-18, 21, 18, 40, 9, pose.cloth)
    pen.box(-4.5, 10, 4.5, 24, 3, round(0.82 * pose.skin))
    for side in (-1, 1):
        pen.oval(side * 12.3, 1, 2.2, 3.4, round(0.9 * pose.skin))
    pen.oval(0, -4.5, 13.2, 12.8, pose.hair)
    if traits.shape == "round":
        pen.oval(0, 2.5, 12, 14, pose.skin)
    else:
        jaw = [(-11.5, -4), (11.5, -4), (11.5, 8.5), (6.5, 17), (-6.5, 17), (-11.5, 8.5)]
        pen.area(jaw, pose.skin)
        pen.oval(0, -4, 11.5, 7.5, pose.skin)
    _draw_fringe(pen)


def _draw_fringe(pen: _Pen) -> None:
    arc = np.linspace(np.pi, 2 * np.pi, 25)
    outer = [(13.2 * np.cos(angle), -4.5 + 12.8 * np.sin(angle)) for angle in arc]
    inner = [(11.8 * np.cos(angle), -6 + 3.5 * np.sin(angle)) for angle in arc[::-1]]
    pen.area(outer + inner, pen.pose.hair)


def _draw_features(pen: _Pen, smile: bool, without: str) -> None:
    """Draw brows, eyes, nose and mouth."""
    pose = pen.pose
    for side, name in ((-1, "left eye"), (1, "right eye")):
        across = side * pose.eyes
        pen.line([(across - 2.8, -4.2), (across, -5.0), (across + 2.8, -4.2)], pose.hair)
        if name != without:
            pen.oval(across, 0, 2.9, 2.0, 250)
            pen.oval(across, 0, 1.6, 1.8, 30)
    if without != "nose":
        pen.line([(0.3, 1.5), (1.8, 5.8), (-0.8, 6.2)], round(0.66 * pose.skin), 0.9)
    if without == "mouth":
        return
    places = np.linspace(-5, 5, 21)
    low = pose.mouth
    if smile:
        upper = [(x, low - 1.2 - 0.3 * (x / 5) ** 2) for x in places]
        lower = [(x, low + 3.2 - 4.6 * (x / 5) ** 2) for x in places[::-1]]
        pen.area(upper + lower, 250)
        pen.line([*upper, *lower, upper[0]], round(0.4 * pose.skin), 0.8)
    else:
        pen.line([(-3.6, low), (3.6, low)], round(0.4 * pose.skin), 1.2)


def _draw_glasses(pen: _Pen) -> None:
    """Draw two frames, the bridge and the temples."""
    eyes, tone = pen.pose.eyes, 5
    for side in (-1, 1):
        box = [*pen.at(side * eyes - 4.6, -3.9), *pen.at(side * eyes + 4.6, 4.3)]
        pen.draw.rounded_rectangle(box, 3.4 * pen.pose.size * ZOOM, outline=tone, width=pen.line_width(1.1))
        pen.line([(side * (eyes + 4.4), -0.8), (side * 12.6, -1.6)], tone, 1.1)
    pen.line([(-eyes + 4.5, -0.5), (0, -1.2), (eyes - 4.5, -0.5)], tone, 1.1)

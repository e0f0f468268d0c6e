"""Rendered machined parts with synthetic defects and their masks: any number, seeded, without a download.

A turned metal flange with bolt holes is on a conveyor. Position, rotation, lighting and grain vary from image to image. The
images stand in for photos of parts, and are easier.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.typing import Array

SIDE = 128
ZOOM = 2  # rendered this many times larger, then reduced, so that edges are smooth
SHIFT_PIXELS, TURN_DEGREES = 2.5, 4.0
RADIUS, HUB, BORE, GROOVE = 48.0, 20.0, 10.0, 34.0  # of the flange, in pixels
HOLES, HOLE_CIRCLE, HOLE = 6, 40.0, 4.0
VISIBLE = 12  # a pixel belongs to a defect if it changed by more than this, of 255
SMALLEST_DEFECT_PIXELS = 12
GRAIN = 3.0  # standard deviation of the camera noise, of 255


@dataclass(frozen=True)
class Pose:
    """The pose of a part, and the position of each pixel on it.

    Args:
        right, down: S,S, the position of each pixel relative to the centre of the part, in pixels of the final image.
        turn: radians.
    """

    right: Array
    down: Array
    turn: float

    @property
    def radius(self) -> Array:
        """S,S: the distance of each pixel from the centre."""
        return np.hypot(self.right, self.down)

    @property
    def angle(self) -> Array:
        """S,S: the direction of each pixel from the centre, in radians, on the part."""
        return np.arctan2(self.down, self.right) - self.turn

    @classmethod
    def drawn(cls, random: np.random.Generator) -> "Pose":
        """Return a random pose."""
        down, right = ((np.mgrid[: SIDE * ZOOM, : SIDE * ZOOM] + 0.5) / ZOOM - SIDE / 2).astype(np.float32)
        shift = random.uniform(-SHIFT_PIXELS, SHIFT_PIXELS, 2)
        return cls(
            right - np.float32(shift[0]),
            down - np.float32(shift[1]),
            float(np.radians(random.uniform(-TURN_DEGREES, TURN_DEGREES))),
        )


def parts(n: int = 200, *, seed: int = 0, defects: float = 0.0) -> ImageSet:
    """Render `n` parts.

    The same seed gives the same good parts, whatever the number and the share of defects.

    Args:
        n: how many.
        seed: of everything random.
        defects: the share of images, 0 to 1, with one defect: a scratch, a stain, a chipped edge, a dent, or a missing bolt
            hole.

    Returns:
        n,128,128,3 uint8 with labels "good" or the kind of the defect, and masks of the pixels that changed visibly.

    Raises:
        ImagesError: for a number or a share out of range.

    >>> images = parts(4, seed=1, defects=0.25)
    >>> images.shape, int((images.labels != "good").sum()), images.masks.shape
    ((128, 128, 3), 1, (4, 128, 128))
    """
    if n < 1 or not 0 <= defects <= 1:
        raise ImagesError(f"expected at least 1 part and a share of defects from 0 to 1, got n={n}, defects={defects}.")
    broken = np.random.default_rng([seed, 1]).permutation(n)[: round(defects * n)]
    labels = np.full(n, "good", object)
    labels[broken] = np.resize(list(DEFECTS), len(broken))  # each kind as often as the others
    pixels, masks = np.empty((n, SIDE, SIDE, 3), np.uint8), np.zeros((n, SIDE, SIDE), bool)
    for index in range(n):
        random = np.random.default_rng([seed, 0, index])
        pose = Pose.drawn(random)
        scene, light, grain = _scene(pose, random), _light(random), random.normal(0, GRAIN, (SIDE, SIDE, 3))
        before = _photographed(scene, light)
        after = before
        if labels[index] != "good":
            while masks[index].sum() < SMALLEST_DEFECT_PIXELS:  # repeated until it is visible
                after = _photographed(DEFECTS[labels[index]](scene, pose, random), light)
                masks[index] = np.abs(after - before).max(axis=2) > VISIBLE
        pixels[index] = np.round(after + grain).clip(0, 255)
    return ImageSet(pixels, labels=labels.astype(str), masks=masks, source=f"parts(n={n}, seed={seed}, defects={defects:g})")


def _scene(pose: Pose, random: np.random.Generator) -> Array:
    """Return S,S: the brightness of each place under even light, from 0 to 255."""
    radius = pose.radius
    belt = 52 + 5 * np.sin(pose.down / 1.7 + random.uniform(0, 6)) + random.normal(0, 3, radius.shape)
    turned = random.normal(0, 1, 400)  # grooves of the lathe, one for each radius
    sheen = 22 * np.cos(2 * (pose.angle + pose.turn) - 1.1) + 9 * np.cos(3 * (pose.angle + pose.turn) + 0.4)
    metal = 150 + sheen + 7 * np.interp(radius, np.linspace(0, RADIUS, 400), turned)
    metal = metal + 26 * _edge(radius, HUB, 1.5) - 45 * _ring(radius, GROOVE, 1.2) + 30 * _ring(radius, RADIUS - 1.5, 1.2)
    scene = np.where(radius < RADIUS, metal, belt - 26 * np.exp(-(((radius - RADIUS) / 5) ** 2)))
    for number in range(HOLES):
        scene = _bored(scene, _from_hole(pose, number), HOLE)
    return _bored(scene, radius, BORE)


def _bored(scene: Array, distance: Array, size: float) -> Array:
    """Return the scene with a hole: dark inside, with a bright chamfer around it."""
    return np.where(distance < size, 26.0, scene + 34 * _ring(distance, size + 1.0, 0.9))


def _from_hole(pose: Pose, number: int) -> Array:
    """Return S,S: the distance of each pixel from the centre of a bolt hole."""
    at = 2 * np.pi * number / HOLES + pose.turn
    return np.asarray(np.hypot(pose.right - HOLE_CIRCLE * np.cos(at), pose.down - HOLE_CIRCLE * np.sin(at)))


def _ring(radius: Array, at: float, width: float) -> Array:
    return np.asarray(np.exp(-(((radius - at) / width) ** 2)))


def _edge(radius: Array, at: float, width: float) -> Array:
    return np.asarray(1 / (1 + np.exp((radius - at) / width)))


def _light(random: np.random.Generator) -> Array:
    """Return S,S,3: the light at each pixel, in each colour."""
    across = np.linspace(-1, 1, SIDE * ZOOM)
    slope = 1 + 0.08 * random.uniform(-1, 1) * across[None, :] + 0.08 * random.uniform(-1, 1) * across[:, None]
    return np.asarray(random.uniform(0.92, 1.08) * slope[..., None] * np.array([1.0, 0.985, 0.95]))


def _photographed(scene: Array, light: Array) -> Array:
    """Return SIDE,SIDE,3: a lit scene at the size of the image."""
    lit = (scene[..., None] * light).clip(0, 255).astype(np.float32)
    planes = [Image.fromarray(lit[..., channel]).resize((SIDE, SIDE), Image.Resampling.BOX) for channel in range(3)]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _place(pose: Pose, random: np.random.Generator, nearest: float, farthest: float) -> tuple[Array, Array]:
    """Return S,S,2 positions, along and across, around a random place on the part, randomly rotated."""
    distance, angle, turn = random.uniform(nearest, farthest), random.uniform(0, 2 * np.pi), random.uniform(0, np.pi)
    right, down = pose.right - distance * np.cos(angle), pose.down - distance * np.sin(angle)
    return right * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - right * np.sin(turn)


def _scratch(scene: Array, pose: Pose, random: np.random.Generator) -> Array:
    along, across = _place(pose, random, BORE + 4, RADIUS - 8)
    bend, length, width = random.uniform(-0.02, 0.02), random.uniform(7, 15), random.uniform(0.5, 0.9)
    line = np.exp(-(((across - bend * along**2) / width) ** 2)) * (abs(along) < length) * (pose.radius < RADIUS)
    return np.asarray(scene + random.choice([-70, 75]) * line)


def _stain(scene: Array, pose: Pose, random: np.random.Generator) -> Array:
    along, across = _place(pose, random, BORE + 6, RADIUS - 8)
    blot = np.exp(-(((along / random.uniform(3, 7)) ** 2 + (across / random.uniform(3, 5)) ** 2) ** 2)) * (pose.radius < RADIUS)
    return np.asarray(scene * (1 - random.uniform(0.25, 0.5) * blot))


def _chip(scene: Array, pose: Pose, random: np.random.Generator) -> Array:
    along, across = _place(pose, random, RADIUS - 1, RADIUS + 1)
    gone = np.hypot(along, 1.3 * across) < random.uniform(3.5, 6.5)
    return np.where(gone & (pose.radius < RADIUS), 60 + random.normal(0, 4, scene.shape), scene)


def _dent(scene: Array, pose: Pose, random: np.random.Generator) -> Array:
    along, across = _place(pose, random, BORE + 6, RADIUS - 9)
    size = random.uniform(2.5, 4.5)
    bump = np.exp(-((along / size) ** 2) - (across / size) ** 2)
    return np.asarray(scene + random.uniform(60, 90) * along / size * bump)


def _undrilled(scene: Array, pose: Pose, random: np.random.Generator) -> Array:
    distance = _from_hole(pose, int(random.integers(HOLES)))
    around = (distance > HOLE + 2.5) & (distance < HOLE + 5) & (pose.radius < RADIUS - 3)
    cover = _edge(distance, HOLE + 2.2, 0.4)
    return np.asarray(cover * random.choice(scene[around], scene.shape) + (1 - cover) * scene)


DEFECTS: dict[str, Callable[[Array, Pose, np.random.Generator], Array]] = {
    "scratch": _scratch,
    "stain": _stain,
    "chip": _chip,
    "dent": _dent,
    "undrilled": _undrilled,
}

"""Letters A to J rendered from the text fonts of matplotlib: any number, seeded, with synthetic defects.

It replaces notMNIST without a download, with known attributes (family, bold, italic), and with the mask of each defect.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sablier.errors import ImagesError
from sablier.images.imageset import ImageSet
from sablier.typing import Array

LETTERS = "ABCDEFGHIJ"
SIDE = 28
ZOOM = 4  # rendered this many times larger, then reduced, so that edges and shifts are smooth
LETTER_PIXELS = (19.0, 24.0)  # font size: capitals are then 14 to 17 pixels high, like the digits of MNIST or a bit less
SHIFT_PIXELS = 1.5
TURN_DEGREES = 6.0
VISIBLE = 48  # a pixel belongs to a defect if it changed by more than this, of 255
SMALLEST_DEFECT_PIXELS = 6
DEFECTS = ("scratch", "blot", "missing")


@dataclass(frozen=True)
class Font:
    """A font file and its attributes."""

    family: str
    bold: bool
    italic: bool
    file: str


def _family(name: str, regular: str, bold: str, italic: str, both: str) -> tuple[Font, ...]:
    files = {(False, False): regular, (True, False): bold, (False, True): italic, (True, True): both}
    return tuple(Font(name, *style, file) for style, file in files.items() if file)


FONTS: tuple[Font, ...] = (
    *_family("DejaVu Sans", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *_family("DejaVu Mono", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *_family("DejaVu Serif", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *_family("STIX", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *_family("Computer Modern", "cmr10", "cmb10", "cmti10", ""),
    *_family("Computer Modern Sans", "cmss10", "", "", ""),
    *_family("Computer Modern Typewriter", "cmtt10", "", "", ""),
)
FAMILIES: tuple[tuple[Font, ...], ...] = tuple(tuple(fonts) for _, fonts in groupby(FONTS, key=lambda font: font.family))


def glyphs(n: int = 5000, *, seed: int = 0, defects: float = 0.0) -> ImageSet:
    """Render `n` letters, light on dark, with small random sizes, shifts and rotations.

    Letter, family and style are uniform, family before style. The same seed gives the same letters whatever the number and
    the share of defects: a smaller set is the beginning of a larger one.

    Args:
        n: how many.
        seed: of everything random.
        defects: the share of images, 0 to 1, with one defect: a light scratch, a light blot, or a missing piece.

    Returns:
        n,28,28,1 uint8 with labels "A" to "J" and attributes family, bold, italic and defect (its kind, or ""); with
        defects, also masks of the pixels that changed visibly.

    Raises:
        ImagesError: for a number or a share out of range.

    >>> letters = glyphs(20, seed=1, defects=0.25)
    >>> letters.shape, int((letters.attributes["defect"] != "").sum()), letters.masks.shape
    ((28, 28, 1), 5, (20, 28, 28))
    """
    if n < 1 or not 0 <= defects <= 1:
        raise ImagesError(f"expected at least 1 glyph and a share of defects from 0 to 1, got n={n}, defects={defects}.")
    broken = np.zeros(n, bool)
    broken[np.random.default_rng([seed, 1]).permutation(n)[: round(defects * n)]] = True
    pixels = np.empty((n, SIDE, SIDE, 1), np.uint8)
    masks = np.zeros((n, SIDE, SIDE), bool)
    chosen: list[tuple[str, Font]] = []
    kinds: list[str] = []
    for index in range(n):
        random = np.random.default_rng([seed, 0, index])
        letter = LETTERS[random.integers(len(LETTERS))]
        fonts = FAMILIES[random.integers(len(FAMILIES))]
        font = fonts[random.integers(len(fonts))]
        canvas = draw_letter(letter, font, random)
        kind = DEFECTS[random.integers(len(DEFECTS))] if broken[index] else ""
        image = reduced(canvas)
        if kind:
            image, masks[index] = planted(canvas, kind, random)
        pixels[index, ..., 0] = image
        chosen.append((letter, font))
        kinds.append(kind)
    return ImageSet(
        pixels,
        labels=np.array([letter for letter, _ in chosen]),
        attributes={
            "family": np.array([font.family for _, font in chosen]),
            "bold": np.array([font.bold for _, font in chosen]),
            "italic": np.array([font.italic for _, font in chosen]),
            "defect": np.array(kinds),
        },
        masks=masks if defects > 0 else None,
        source=f"glyphs(n={n}, seed={seed}, defects={defects:g})",
    )


def draw_letter(letter: str, font: Font, random: np.random.Generator) -> Image.Image:
    """Return one jittered letter, `ZOOM` times larger than its image."""
    loaded = _font(font.file, round(ZOOM * random.uniform(*LETTER_PIXELS)))
    canvas = Image.new("L", (SIDE * ZOOM, SIDE * ZOOM))
    left, top, right, bottom = loaded.getbbox(letter)
    shift = random.uniform(-SHIFT_PIXELS, SHIFT_PIXELS, 2) * ZOOM
    corner = ((SIDE * ZOOM - left - right) / 2 + shift[0], (SIDE * ZOOM - top - bottom) / 2 + shift[1])
    ImageDraw.Draw(canvas).text(corner, letter, fill=255, font=loaded)
    return canvas.rotate(random.uniform(-TURN_DEGREES, TURN_DEGREES), Image.Resampling.BICUBIC)


def reduced(canvas: Image.Image) -> Array:
    """Return a canvas at its final size, SIDE,SIDE uint8."""
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))


def planted(canvas: Image.Image, kind: str, random: np.random.Generator) -> tuple[Array, Array]:
    """Return the image of a canvas with a defect, and the mask of the change; repeated until it is visible."""
    before = reduced(canvas).astype(int)
    while True:
        damaged = canvas.copy()
        _draw_defect(damaged, kind, random)
        after = reduced(damaged)
        mask = np.abs(after - before) > VISIBLE
        if mask.sum() >= SMALLEST_DEFECT_PIXELS:
            return after, mask


def _draw_defect(canvas: Image.Image, kind: str, random: np.random.Generator) -> None:
    draw = ImageDraw.Draw(canvas)
    side = SIDE * ZOOM
    if kind == "scratch":
        angle, length = random.uniform(0, np.pi), random.uniform(0.5, 0.9) * side / 2
        middle = random.uniform(0.35, 0.65, 2) * side
        reach = length * np.array([np.cos(angle), np.sin(angle)])
        draw.line([*(middle - reach), *(middle + reach)], fill=255, width=int(random.integers(ZOOM, 2 * ZOOM)))
        return
    radii = random.uniform(2.0, 3.5, 2) * ZOOM
    if kind == "blot":
        middle = random.uniform(0.2, 0.8, 2) * side
        fill = 255
    else:
        ink = np.argwhere(np.asarray(canvas) > 128)
        middle = ink[random.integers(len(ink))][::-1].astype(float)
        fill = 0
    draw.ellipse([*(middle - radii), *(middle + radii)], fill=fill)


@lru_cache(maxsize=1024)
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    # Only the folder of matplotlib is used; pyplot and its configuration are not loaded.
    import matplotlib

    # The basic layout engine renders the same with and without libraqm.
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{file}.ttf"
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)

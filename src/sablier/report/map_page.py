"""A map of images as one self-contained HTML file: points to zoom into, pictures, neighbours, decoded places.

The page carries everything it shows: numbers as base64 of typed arrays, pictures as a few large sheets of tiles. It fetches
nothing, and a content security policy keeps it so.
"""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.colors import to_hex
from PIL import Image

from sablier.files.kinds import PNG_COMPRESSION
from sablier.typing import Array

MOST_SIDE = 64  # pixels of the longer side of a picture
MOST_PIXELS = 24_000_000  # of all tiles of one kind: about 0.1 s to decode, and 100 megabytes in the browser
SHEET_SIDE = 4096  # pixels a side of one sheet, which every browser takes
MOST_EXACT_BYTES = 6_000_000  # of sheets as PNG; beyond that they become JPEG
JPEG_QUALITY, JPEG_BLOCK = 88, 8  # tiles begin where JPEG's blocks do, so that none bleeds into its neighbour
MOST_CATEGORIES = 50  # ten colours, five shapes; the rarest beyond them share grey
# Nine of ten colours by Petroff (2021), which stay apart for people with any of the common colour blindnesses. His second grey
# looked like his first on small points; in its place stands what differs most from the ground.
PETROFF = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")
COLOURS = {"light": (*PETROFF, "#1d2330"), "dark": (*PETROFF, "#f4f6fa")}
SHADES = 64  # of a continuous scale
# The end of the scale that would vanish on the ground is cut off; the high end is the one that stands out.
SCALES = {"light": (0.88, 0.0), "dark": (0.18, 1.0)}
CLIPPED = 0.99  # share of the values below the end of a scale: one outlier would make the others all alike
FULL = 65535


@dataclass(frozen=True, eq=False)
class Column:
    """What points can be coloured by.

    Args:
        name: as it stands in the list of choices.
        values: N strings, which are categories, or N finite numbers.
        note: what the values mean, said in the legend; "".
    """

    name: str
    values: Array
    note: str = ""

    @property
    def kind(self) -> Literal["category", "number"]:
        """Whether the values are names or numbers."""
        return "number" if self.values.dtype.kind in "fiu" else "category"


@dataclass(frozen=True, eq=False)
class Grid:
    """Images decoded at places of the map, evenly spaced, row by row from the top left.

    Args:
        side: places in a row, and rows.
        pictures: side x side,h,w,c bytes.
        far: side x side booleans: no image of the map is near.
        note: how a place became a picture.
    """

    side: int
    pictures: Array
    far: Array
    note: str


@dataclass(frozen=True, eq=False)
class MapContent:
    """All that a page shows.

    Args:
        title: what is mapped by what.
        facts: short sentences about the map and what it leaves out.
        ids: N names.
        points: N,2; the page scales them to its own square, y upwards.
        pictures: N,h,w,c bytes.
        reconstructions: the same, or None for a model that does not decode.
        neighbours, distances: N,k positions of the nearest images by code, nearest first, and how far they are.
        columns: what to colour by, the first at opening.
        grid: images decoded at places of the map, or None.
        made_by: the version that wrote the page.
    """

    title: str
    facts: Sequence[str]
    ids: Array
    points: Array
    pictures: Array
    reconstructions: Array | None
    neighbours: Array
    distances: Array
    columns: Sequence[Column]
    grid: Grid | None
    made_by: str


def map_page(content: MapContent) -> str:
    """Return the page."""
    pictures = {"images": content.pictures, "again": content.reconstructions}
    sheets = {name: _sheets(tiles) for name, tiles in pictures.items() if tiles is not None}
    if content.grid is not None:
        sheets["grid"] = _sheets(content.grid.pictures)
    environment = Environment(
        loader=PackageLoader("sablier.report", "map"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html").render(
        title=content.title,
        facts=content.facts,
        count=f"{len(content.ids):,}",
        made_by=content.made_by,
        data=_embedded(_data(content, sheets)),
        sheets={name: sheet.pop("data") for name, sheet in sheets.items()},
    )


def tiles(pictures: Array, side: int) -> Array:
    """Return N,H,W,C pixels in [0, 1] as bytes, reduced so that the longer side has at most `side` pixels.

    >>> tiles(np.ones((2, 40, 80, 1)), 20).shape
    (2, 10, 20, 1)
    """
    stored = np.round(pictures.clip(0, 1) * 255).astype(np.uint8)
    height, width, channels = stored.shape[1:]
    if max(height, width) <= side:
        return stored
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = stored if channels == 3 else stored[..., 0]
    small = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX)) for plane in planes]
    return np.asarray(small, np.uint8).reshape(len(stored), size[1], size[0], channels)


def tile_side(count: int, height: int, width: int) -> int:
    """Return the pixels of the longer side at which so many pictures fit into the sheets, 64 at most.

    >>> tile_side(10_000, 28, 28), tile_side(20_000, 256, 256)
    (28, 34)
    """
    square = MOST_PIXELS / max(count, 1) * max(height, width) / min(height, width)
    return max(1, min(MOST_SIDE, max(height, width), int(square**0.5)))


def _data(content: MapContent, sheets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what the page's script reads."""
    points, extent = on_square(content.points)
    farthest = float(content.distances.max(initial=0)) or 1.0
    return {
        "title": content.title,
        "count": len(content.ids),
        "ids": content.ids.tolist(),
        "points": _coded(np.round(points * FULL).astype(np.uint16)),
        "places": {"low": extent[0].tolist(), "high": extent[1].tolist()},
        "neighbours": _coded(content.neighbours.astype(np.uint32)),
        "distances": _coded(np.round(content.distances / farthest * FULL).astype(np.uint16)),
        "farthest": farthest,
        "near": content.neighbours.shape[1],
        "columns": [_column(column) for column in content.columns],
        "colours": COLOURS,
        "scales": {name: _shades(*ends) for name, ends in SCALES.items()},
        "sheets": {name: {key: sheet[key] for key in sheet if key != "data"} for name, sheet in sheets.items()},
        "grid": None if content.grid is None else _grid(content.grid),
    }


def on_square(points: Array, margin: float = 0.03) -> tuple[Array, Array]:
    """Return points scaled alike in both directions to [0, 1] with y downwards, and the corners of that square, 2,2.

    >>> on_square(np.array([[0.0, 0.0], [4.0, 2.0]]), margin=0.0)[0].tolist()
    [[0.0, 0.75], [1.0, 0.25]]
    """
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-9) * (1 + 2 * margin)
    corners = np.stack([(low + high) / 2 - half, (low + high) / 2 + half])
    scaled = (points - corners[0]) / (2 * half)
    return np.stack([scaled[:, 0], 1 - scaled[:, 1]], axis=1), corners


def grid_places(points: Array, side: int) -> Array:
    """Return side x side,2 places of the map at the middles of the cells, row by row from the top left."""
    _, (low, high) = on_square(points)
    middles = (np.arange(side) + 0.5) / side
    columns, rows = np.meshgrid(low[0] + middles * (high[0] - low[0]), high[1] - middles * (high[1] - low[1]))
    return np.stack([columns.ravel(), rows.ravel()], axis=1)


def _grid(grid: Grid) -> dict[str, Any]:
    return {"side": grid.side, "far": _coded(grid.far.astype(np.uint8)), "note": grid.note}


def _column(column: Column) -> dict[str, Any]:
    if column.kind == "number":
        values = column.values.astype(np.float32)
        low, high = float(values.min()), float(values.max())
        end = float(np.quantile(values, CLIPPED))
        whole = end <= low or high <= low + 1.5 * (end - low)
        most_shown = high if whole else end
        return {
            "name": column.name, "kind": "number", "note": column.note, "values": _coded(values),
            "low": low, "high": most_shown, "most": high,
        }  # fmt: skip
    names, numbers, counts = np.unique(column.values.astype(str), return_inverse=True, return_counts=True)
    order = sorted(range(len(names)), key=lambda place: _natural(str(names[place])))
    if len(names) > MOST_CATEGORIES:
        largest = set(np.argsort(-counts, kind="stable")[: MOST_CATEGORIES - 1].tolist())
        order = [place for place in order if place in largest]
    rank = np.full(len(names), len(order))
    rank[order] = np.arange(len(order))
    shown = [str(names[place]) for place in order]
    if len(names) > len(order):
        shown.append(f"{len(names) - len(order)} others")
    return {
        "name": column.name, "kind": "category", "note": column.note, "names": shown,
        "values": _coded(rank[numbers].astype(np.uint8)), "others": len(names) > len(order),
    }  # fmt: skip


def _natural(name: str) -> tuple[bool, float, str]:
    """Return a key that sorts numbers by their size, before words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def _shades(start: float, end: float) -> list[str]:
    return [to_hex(mpl.colormaps["viridis"](place)) for place in np.linspace(start, end, SHADES)]


def _sheets(pictures: Array) -> dict[str, Any]:
    """Return tiles side by side on sheets, as PNG where that is not too large, else as JPEG, and how they lie there."""
    found = _packed(pictures, 1, "PNG")
    if sum(map(len, found["data"])) > MOST_EXACT_BYTES:
        found = _packed(pictures, JPEG_BLOCK, "JPEG")
    return found


def _packed(pictures: Array, block: int, kind: str) -> dict[str, Any]:
    count, height, width, channels = pictures.shape
    step_y, step_x = -(-height // block) * block, -(-width // block) * block
    columns = min(SHEET_SIDE // step_x, max(1, round((count * step_y / step_x) ** 0.5)))
    rows = SHEET_SIDE // step_y
    data = []
    for start in range(0, count, columns * rows):
        part = pictures[start : start + columns * rows]
        used = -(-len(part) // columns)
        sheet = np.zeros((used * columns, step_y, step_x, channels), np.uint8)
        sheet[: len(part), :height, :width] = part
        # What lies between the tiles repeats their edges, so that JPEG has no edge to smear.
        sheet[: len(part), height:, :width] = part[:, -1:]
        sheet[: len(part), :, width:] = sheet[: len(part), :, width - 1 : width]
        whole = sheet.reshape(used, columns, step_y, step_x, channels).swapaxes(1, 2).reshape(used * step_y, columns * step_x, -1)
        buffer = io.BytesIO()
        options = {"quality": JPEG_QUALITY, "subsampling": 0} if kind == "JPEG" else {"compress_level": PNG_COMPRESSION}
        Image.fromarray(whole if channels == 3 else whole[..., 0]).save(buffer, format=kind, **options)
        data.append(base64.b64encode(buffer.getvalue()).decode())
    return {
        "type": f"image/{kind.lower()}", "columns": columns, "rows": rows, "stepX": step_x, "stepY": step_y, "width": width,
        "height": height, "data": data,
    }  # fmt: skip


def _coded(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _embedded(data: dict[str, Any]) -> Markup:
    """Return JSON that can stand inside a script element: nothing in it can end that element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))

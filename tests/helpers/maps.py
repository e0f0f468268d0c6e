"""A small map to draw in tests: images whose grey says which they are."""

from dataclasses import replace
from typing import Any

import numpy as np

from sablier.report.map_page import Column, Grid, MapContent

COUNT, SIDE = 40, 6


def content(**changes: Any) -> MapContent:
    """Return a map of 40 images of 8 x 8 in a ring; image i has the grey 5 i, its reconstruction one more."""
    angle = 2 * np.pi * np.arange(COUNT) / COUNT
    grey = (5 * np.arange(COUNT, dtype=np.uint8))[:, None, None, None]
    around = (np.arange(COUNT)[:, None] + np.array([1, -1, 2])) % COUNT
    whole = MapContent(
        title="40 images of a ring",
        facts=["They lie in a ring."],
        ids=np.array([f"ring/{i}.png" for i in range(COUNT)]),
        points=np.stack([np.cos(angle), np.sin(angle)], axis=1),
        pictures=np.broadcast_to(grey, (COUNT, 8, 8, 1)),
        reconstructions=np.broadcast_to(grey + 1, (COUNT, 8, 8, 1)),
        neighbours=around,
        distances=np.broadcast_to([1.0, 1.0, 2.0], (COUNT, 3)),
        columns=[
            Column("label", np.where(np.arange(COUNT) % 2, "odd", "even")),
            Column("score", np.linspace(0.0, 1.0, COUNT), "Higher is stranger."),
        ],
        grid=Grid(SIDE, np.full((SIDE * SIDE, 8, 8, 1), 200, np.uint8), np.zeros(SIDE * SIDE, bool), "Decoded."),
        made_by="sablier 0",
    )
    return replace(whole, **changes)

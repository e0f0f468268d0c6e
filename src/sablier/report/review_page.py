"""The part of a report in which a person judges images: what it shows, and its script and style."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import log
from typing import Any

from markupsafe import Markup

from sablier.calibration import FLAGGING
from sablier.report.words import VERDICTS


@dataclass(frozen=True)
class Review:
    """What the template needs.

    Args:
        count: how many images there are to judge.
        flagged: how many of them are flagged.
        more: how many flagged images are left out.
        data: the images as JSON, safe within a script element.
        key: tells the verdicts on these images from those on others.
    """

    count: int
    flagged: int
    more: int
    data: Markup
    key: str

    @property
    def script(self) -> Markup:
        """The source of the component."""
        return _source("review.js")

    @property
    def style(self) -> Markup:
        """Its style."""
        return _source("review.css")


def review_of(rows: Sequence[Mapping[str, Any]], cut: float, flagged: int) -> Review:
    """Return the images to judge, nearest to the threshold first.

    Args:
        rows: of detections.csv, with the pictures of each image and its number of `regions`.
        cut: the largest p-value of flagged images; 0 where none can be flagged, then the highest scores come first.
        flagged: how many images are flagged in all.
    """

    def order(row: Mapping[str, Any]) -> tuple[float, float]:
        distance = abs(log(row["p_value"] / cut)) if cut else 0.0
        return distance, row["score"] if cut and row["p_value"] <= cut else -row["score"]

    images = [
        {
            "id": row["id"],
            "map": row["map"],
            "mask": row["mask"],
            "verdict": VERDICTS.get(row["verdict"], row["verdict"]),
            "flagged": row["verdict"] in FLAGGING,
            "p": f"{row['p_value']:.3g}",
            "score": f"{row['score']:.2f}",
            "regions": row.get("regions", 0),
            "label": row.get("label", ""),
        }
        for row in sorted(rows, key=order)
    ]
    shown = sum(image["flagged"] for image in images)
    text = json.dumps(images).replace("<", "\\u003c")
    return Review(len(images), shown, flagged - shown, Markup(text), hashlib.sha256(text.encode()).hexdigest()[:16])


def _source(name: str) -> Markup:
    return Markup(files("sablier.report").joinpath("review", name).read_text("utf-8"))

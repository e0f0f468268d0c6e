"""The part of a report in which a person judges images: what it shows, and its script and style."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import log
from typing import Any

from markupsafe import Markup

from sablier.calibration import FLAGGING
from sablier.images.masks import ignored_at_original_size
from sablier.report.outlines import outline
from sablier.report.words import VERDICTS, counted, why_flagged
from sablier.typing import Array

Row = Mapping[str, Any]

# In the order in which they need each other.
MODULES = ("elements.js", "verdicts.js", "large.js", "review.js")
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
# Of each row, the same in both reports.
SHOWN = ("id", "map", "photo", "overlay", "width", "height", "outline", "truth", "regions")


@dataclass(frozen=True)
class Review:
    """What the template needs.

    Args:
        heading: of the section.
        note: which images there are, in which order.
        data: the images and the ignored pixels as JSON, safe within a script element.
        key: tells the verdicts on these images from those on others.
        feedback: whether verdicts can be given to `calibrate`.
        place: where the pictures are, in words.
    """

    heading: str
    note: str
    data: Markup
    key: str
    feedback: bool
    place: str

    @property
    def script(self) -> Markup:
        """The source of the component: its modules in one."""
        return Markup("".join(IMPORT.sub("", _source(name)) for name in MODULES))

    @property
    def style(self) -> Markup:
        """Its style."""
        return Markup(_source("review.css"))


def detection_review(
    rows: Sequence[Row], cut: float, flagged: int, decided: bool, smallest_p: float, kept: Array | None
) -> Review:
    """Return the images to judge, nearest to the threshold first.

    Args:
        rows: of detections.csv, each with what `ReviewPictures` or `ScorePictures` adds to it.
        cut: the largest p-value of flagged images; 0 where none is flagged, then the highest scores come first.
        flagged: how many images are flagged in all.
        decided: whether there are verdicts.
        smallest_p: the smallest p-value that the calibration can give.
        kept: which pixels a model does not ignore, as `Preprocess.kept`.
    """

    def order(row: Row) -> tuple[float, float]:
        distance = abs(log(row["p_value"] / cut)) if cut else 0.0
        return distance, row["score"] if cut and row["p_value"] <= cut else -row["score"]

    images = [
        {
            **_common(row, smallest_p),
            "verdict": VERDICTS.get(row["verdict"], row["verdict"]),
            "marked": row["verdict"] in FLAGGING,
            "label": f"label {row['label']}" if row.get("label") else "",
            "group": f"group {row['group']}" if row.get("group") else "",
            "mask": row["mask"],
        }
        for row in sorted(rows, key=order)
    ]
    shown = sum(image["marked"] for image in images)
    if not shown:
        why = "None is flagged." if decided else "There are no verdicts."
        note = f"The {counted(len(images))} with the highest scores. {why}"
    else:
        more = f" (of {flagged:,}; the others are in detections.csv)" if flagged > shown else ""
        near = f"the {counted(len(images) - shown)} nearest to the threshold that are not flagged"
        note = f"The {counted(shown, 'flagged image')}{more}, and {near}. Those nearest to the threshold come first."
    return _review("Images to judge", note, images, kept, True, "the folder maps/ beside this page")


def evaluation_review(rows: Sequence[Row], smallest_p: float, kept: Array | None, decided: bool, total: int) -> Review:
    """Return the images that were evaluated, in the order given, the hardest first.

    Args:
        rows: each with `bad`, whether the image is known to be bad; otherwise as for `detection_review`.
        smallest_p, kept: as for `detection_review`.
        decided: whether there are verdicts.
        total: how many images were evaluated.
    """
    images = []
    for row in rows:
        flagged, truth = row["verdict"] in FLAGGING, "bad" if row["bad"] else "good"
        wrong = decided and flagged != row["bad"]
        images.append({
            **_common(row, smallest_p),
            "verdict": {"bad": "missed", "good": "false alarm"}[truth] if wrong else VERDICTS.get(row["verdict"], row["verdict"]),
            "marked": wrong,
            "label": truth if row.get("label", "") in ("", truth) else f"{truth}: {row['label']}",
            "group": "",
            "mask": "",
        })  # fmt: skip
    missed, alarms = (sum(image["verdict"] == name for image in images) for name in ("missed", "false alarm"))
    cut = f" The first {len(images):,} of {counted(total)} are shown." if total > len(images) else ""
    if decided:
        note = (
            f"{counted(missed, 'bad image')} that {'is' if missed == 1 else 'are'} missed, the hardest first; "
            f"{counted(alarms, 'false alarm')}; then all others, nearest to the threshold first.{cut}"
        )
    else:
        note = f"There are no verdicts. Bad images with the lowest scores come first, then good ones with the highest.{cut}"
    return _review("Images, hardest first", note, images, kept, False, "the folder beside this page that has its name")


def _common(row: Row, smallest_p: float) -> dict[str, Any]:
    """Return what both reports show of an image."""
    p_value = row["p_value"]
    smallest = p_value <= smallest_p * (1 + 1e-9)
    return {
        **{name: row[name] for name in SHOWN},
        "p": f"p \u2264 {p_value:.3g} (smallest)" if smallest else f"p = {p_value:.3g}",
        "score": f"{row['score']:.2f}",
        "notes": why_flagged(row["frame"], row["member"], row["regions"] != 0) if row["verdict"] in FLAGGING else [],
    }


def _review(heading: str, note: str, images: Sequence[Row], kept: Array | None, feedback: bool, place: str) -> Review:
    sizes = {(image["height"], image["width"]) for image in images}
    ignored = (
        {}
        if kept is None
        else {f"{width}x{height}": outline(ignored_at_original_size(kept, (height, width))) for height, width in sorted(sizes)}
    )
    text = json.dumps({"images": images, "ignored": ignored}).replace("<", "\\u003c")
    return Review(heading, note, Markup(text), hashlib.sha256(text.encode()).hexdigest()[:16], feedback, place)


def _source(name: str) -> str:
    return files("sablier.report").joinpath("review", name).read_text("utf-8")

"""Images as a report shows them among its text, a dozen a section."""

from dataclasses import dataclass

from sablier.calibration import FLAGGING
from sablier.report import words
from sablier.report.pictures import as_rgb, data_uri, overlay
from sablier.tasks.detection.result import DetectionResult

MOST_CARDS = 12


@dataclass(frozen=True)
class Card:
    """An image as the page shows it: pictures as data URIs, numbers as text; "" for a picture that there is not."""

    id: str
    image: str
    reconstruction: str
    anomaly_map: str
    score: str
    p_value: str
    verdict: str
    flagged: bool
    label: str | None
    notes: list[str]


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, and the images below it."""

    heading: str
    note: str
    cards: list[Card]


def cards_of(result: DetectionResult) -> list[Card]:
    """Return the cards of the first dozen images of a result; none where it has no pictures."""
    images, again, anomaly_map = result.images, result.reconstructions, result.anomaly_maps
    if images is None or anomaly_map is None:
        return []
    return [
        Card(
            str(result.ids[i]),
            data_uri(as_rgb(images[i])),
            "" if again is None else data_uri(as_rgb(again[i])),
            data_uri(overlay(images[i], anomaly_map[i])),
            f"{result.scores[i]:.2f}",
            f"{result.p_values[i]:.3g}",
            words.VERDICTS.get(str(result.verdicts[i]), str(result.verdicts[i])),
            str(result.verdicts[i]) in FLAGGING,
            None if result.labels is None else str(result.labels[i]),
            _notes(result, i),
        )
        for i in range(min(len(result), MOST_CARDS))
    ]


def _notes(result: DetectionResult, index: int) -> list[str]:
    if result.verdicts[index] not in FLAGGING or result.frames is None or result.members is None or result.anomaly_maps is None:
        return []
    high = bool(result.anomaly_maps[index].max() > result.mark_level)
    return words.why_flagged(str(result.frames[index]), str(result.members[index]), high)

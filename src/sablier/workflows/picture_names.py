"""Which picture of a detection is of which image: the columns of detections.csv that say so."""

from collections.abc import Mapping

from sablier.tasks.detection.detect import DetectionResult

MAPS, MASKS = "maps", "masks"


def picture_names(result: DetectionResult) -> dict[str, str]:
    """Return, by id, the name of the anomaly map and of the mask that are drawn of each image."""
    from sablier.report.anomaly_maps import file_names  # drawing is imported only when something is drawn

    return {str(id): f"{name}.png" for id, name in zip(result.ids, file_names(result.ids), strict=True)}


def picture_columns(id: str, names: Mapping[str, str] | None) -> dict[str, str]:
    """Return the columns that name the pictures of an image, empty where it has none; no columns where nothing is drawn.

    >>> picture_columns("a.png", {"a.png": "a.png"}), picture_columns("b.png", {}), picture_columns("b.png", None)
    ({'map': 'maps/a.png', 'mask': 'masks/a.png'}, {'map': '', 'mask': ''}, {})
    """
    if names is None:
        return {}
    return {"map": f"{MAPS}/{names[id]}", "mask": f"{MASKS}/{names[id]}"} if id in names else {"map": "", "mask": ""}

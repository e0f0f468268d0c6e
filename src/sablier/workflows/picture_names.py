"""Where pictures of a detection lie in its output, and the names of those that `watch` draws."""

from pathlib import PurePosixPath

from sablier.workflows.arrivals import Stamp, identity

MAPS, MASKS, OVERLAYS, PHOTOS = "maps", "masks", "overlays", "photos"
DEFECT_GROUPS = "defect-groups"
IGNORED = "ignored.png"
MOST_JUDGED = 5000  # images in a report
LONGEST_MAP_NAME, MAP_DIGITS = 100, 8


def map_name(id: str, stamp: Stamp) -> str:
    """Return a unique name for an anomaly map, also among later images of the same name.

    >>> map_name("line 1/a.png", (1200, 0)), map_name("line 1/a.png", (1300, 0))
    ('line 1/a-f63375e9', 'line 1/a-55ace5cf')
    """
    stem = str(PurePosixPath(id).with_suffix(""))[-LONGEST_MAP_NAME:]
    return f"{stem}-{identity(id, stamp).hex()[:MAP_DIGITS]}"

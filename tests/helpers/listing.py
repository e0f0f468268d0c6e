"""What a person sees in a folder: not the list of what was made there, which is hidden."""

import os
from pathlib import Path

# What `detect` writes with a report, where flagged images fall into groups.
DETECTED = [
    "defect-groups", "detections.csv", "detections.json", "maps", "masks", "overlays", "photos", "regions.csv", "regions.json",
    "report.html",
]  # fmt: skip


def visible(folder: str | Path = ".") -> list[str]:
    """Return the names in a folder, sorted, without those that begin with a dot."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))

"""`StreamFlags`: the verdicts of `watch --fdr`. A later image may turn an earlier one of its window into an anomaly."""

from collections.abc import Mapping, Sequence
from typing import Any

from sablier.calibration import ANOMALY, NORMAL, UNDETERMINED, Calibration, percent
from sablier.calibration.windows import DiscoveryWindow

Row = dict[str, Any]
Key = tuple[str, ...]

COLUMNS = ("fdr", "window_size", "window")
FLAGGED_LATER = "flagged by what came later in its window"


class StreamFlags:
    """Gives rows of a record their verdicts, window by window, and finds earlier rows that are to be flagged.

    Memory holds the rows of the present window with p-values up to the false-discovery rate.

    Args:
        calibration: what the p-values are of.
        fdr: the false-discovery rate.
        size: the number of images of a window.

    Raises:
        ConfigError: if the rate or the size is out of range.
    """

    def __init__(self, calibration: Calibration, fdr: float, size: int) -> None:
        self.window = DiscoveryWindow(calibration, fdr, size)
        self.unflagged = NORMAL if calibration.decides(fdr) else UNDETERMINED
        self._candidates: dict[Key, Row] = {}  # rows of the window that are not flagged yet, and can be
        self._due: dict[Key, Row] = {}  # rows that are flagged now, and were not when they were made

    @property
    def settings(self) -> Row:
        """The values of the columns that say at which rate rows are judged."""
        return {"fdr": self.window.fdr, "window_size": self.window.size}

    def judge(self, rows: Sequence[Row]) -> None:
        """Set the verdict and the window of the next rows of the stream, in place. Earlier rows may be due then."""
        for row in rows:
            row["verdict"] = self.unflagged
            self._add(row)
            row["window"] = self.window.number
        for row in rows:
            if self._due.pop(_key(row), None) is not None:
                row["verdict"] = ANOMALY

    def recall(self, row: Row) -> None:
        """Restore the state from the next row of a record."""
        if self._due.pop(_key(row), None) is None:  # otherwise it is the second row of a flagged image
            self._add(row)

    def due(self) -> list[Row]:
        """Return the second rows of recorded images that are flagged now; each is returned once."""
        rows = [{**row, "verdict": ANOMALY, "note": FLAGGED_LATER} for row in self._due.values()]
        self._due.clear()
        return rows

    def words(self) -> str:
        """Return how far the present window is, in a sentence; "" before the first image."""
        window = self.window
        if not window.seen:
            return ""
        of = f"Window {window.number:,} has {window.seen:,} of {window.size:,} images"
        return f"{of} and is complete." if window.full else f"{of}: those not flagged can still be."

    def _add(self, row: Row) -> None:
        p_value = float(row["p_value"])
        self.window.add(p_value)
        if p_value <= self.window.fdr:  # no other image can be flagged, or move the cut
            if row["verdict"] != ANOMALY:
                self._candidates[_key(row)] = row
            cut = self.window.cut
            for key in [key for key, each in self._candidates.items() if float(each["p_value"]) <= cut]:
                self._due[key] = self._candidates.pop(key)
        if self.window.full:
            self._candidates.clear()


def rate_of(row: Mapping[str, Any]) -> str:
    """Return the rate at which a row was judged, in words."""
    if not row["fdr"]:
        return "at a false-alarm rate (--alpha)"
    return f"at a false-discovery rate of {percent(float(row['fdr']))} in windows of {int(row['window_size']):,}"


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(str(row[name]) for name in ("id", "size_bytes", "modified_ns"))

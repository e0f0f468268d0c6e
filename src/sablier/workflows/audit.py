"""audit = what slips through: a random sample of unflagged images for a person to look at, and what it says of the rest."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from heapq import nsmallest
from math import ceil, floor
from os import PathLike
from pathlib import Path
from typing import Any

from sablier.calibration import FLAGGING, percent
from sablier.errors import ConfigError, ImagesError
from sablier.files.cells import read_rows
from sablier.files.names import as_name
from sablier.metrics import rate_interval
from sablier.workflows.tables import whole_table

TABLE, SAMPLE, FLAGGED = "detections.csv", "audit.csv", "flagged.csv"
ASKED = ("id", "path", "score", "p_value", "verdict")
GOOD = ("good", "accepted", "ok", "gut", "i.o.", "bon", "conforme")
BAD = ("bad", "rejected", "nok", "ng", "schlecht", "n.i.o.", "mauvais", "non conforme")

Row = dict[str, str]


@dataclass(frozen=True)
class AuditResult:
    """What a random sample of unflagged images says of all of them; intervals are exact and hold in 95 of 100 audits.

    Args:
        unflagged: how many images were not flagged.
        audited, bad: how many of them were looked at, and were bad.
        missed, missed_interval: how many bad images that makes among the unflagged ones.
        flagged, found: how many images were flagged, and how many of those are bad; `found` is None where nobody looked.
        known, repeats: how many of all images the model knew, and how many repeat an earlier one.
    """

    unflagged: int
    audited: int
    bad: int
    missed: float
    missed_interval: tuple[int, int]
    flagged: int
    found: int | None
    known: int = 0
    repeats: int = 0

    @property
    def miss_rate(self) -> tuple[float, float, float]:
        """The share of bad images among the unflagged: estimate and interval."""
        low, high = self.missed_interval
        return self.missed / self.unflagged, low / self.unflagged, high / self.unflagged

    @property
    def missed_share(self) -> tuple[float, float, float] | None:
        """The share of all bad images that was missed: estimate and interval; None where no image is known to be bad."""
        if self.found is None or not self.missed + self.found:
            return None
        low, high = self.missed_interval
        middle, least, most = (count / (count + self.found) for count in (self.missed, low, high))
        return middle, least, most

    def to_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {**asdict(self), "miss_rate": self.miss_rate, "missed_share": self.missed_share}

    def words(self) -> str:
        """Return it in sentences."""
        rate, low, high = map(percent, self.miss_rate)
        few, many = self.missed_interval
        text = (
            f"{self.bad:,} of {self.audited:,} images drawn from the {self.unflagged:,} unflagged ones "
            f"{'is' if self.bad == 1 else 'are'} bad. Missed: about {self.missed:,.0f} images, {rate} of the unflagged "
            f"(95% interval: {few:,} to {many:,} images, {low} to {high})."
        )
        if self.found is not None:
            text += (
                f"\n{self.found:,} of {self.flagged:,} flagged images are bad; {self.flagged - self.found:,} are false alarms."
            )
        if self.missed_share is not None:
            share, low, high = map(percent, self.missed_share)
            text += f"\nSo {share} of all bad images are missed (95% interval: {low} to {high})."
        if self.repeats:
            text += f"\n{self.repeats:,} images repeat an earlier one. All numbers count images, not parts: each repeat counts."
        if self.known:
            text += f"\n{self.known:,} images trained or calibrated the model: what is missed among fresh images may be more."
        return text


def audit(folder: str | PathLike[str], reviewed: str | PathLike[str] | None = None) -> AuditResult:
    """Estimate what a run of detection missed, from its audit sample with the column `verdict` filled in.

    Args:
        folder: what `detect` wrote with `audit`: detections.csv as it was, audit.csv filled in.
        reviewed: flagged.csv filled in, to learn which share of all bad images was missed.

    Raises:
        ImagesError: for a table that is missing or damaged, a row without a verdict or with an unknown one, or images other
            than those drawn, or flagged.
    """
    table, sample = Path(folder, TABLE), Path(folder, SAMPLE)
    verdicts = read_verdicts(sample, whole=True)
    drawn = draw(table, len(verdicts))
    _check_same(sample, verdicts, [row["id"] for row in drawn], "drawn")
    flagged, found = [row["id"] for row in _rows(table) if _is_flagged(row)], None
    if reviewed is not None:
        judged = read_verdicts(reviewed, whole=True)
        _check_same(Path(reviewed), judged, flagged, "flagged")
        found = sum(not good for good in judged.values())
    counts = Counter[str]()
    for row in _rows(table):
        counts.update(unflagged=not _is_flagged(row), known=bool(row.get("known")), repeats=bool(row.get("repeats")))
    bad = sum(not good for good in verdicts.values())
    result = estimate(counts["unflagged"], len(verdicts), bad, len(flagged), found)
    return replace(result, known=counts["known"], repeats=counts["repeats"])


def estimate(unflagged: int, audited: int, bad: int, flagged: int = 0, found: int | None = None) -> AuditResult:
    """Return what `bad` among `audited` images says of all `unflagged` ones.

    >>> result = estimate(unflagged=1000, audited=50, bad=1, flagged=60, found=40)
    >>> result.missed, result.missed_interval, [round(share, 2) for share in result.missed_share]
    (20.0, (1, 107), [0.33, 0.02, 0.73])
    """
    low, high = rate_interval(bad, audited)
    # The images were drawn without replacement, which makes that interval too wide; those seen bound it as well.
    interval = max(bad, floor(low * unflagged)), min(unflagged - (audited - bad), ceil(high * unflagged))
    return AuditResult(unflagged, audited, bad, bad / audited * unflagged, interval, flagged, found)


def read_verdicts(*paths: str | PathLike[str], whole: bool = False) -> dict[str, bool]:
    """Return whether each image of CSV files with the columns `id` and `verdict` is good.

    Verdicts are good or bad, in the words of `GOOD` and `BAD`, in any case; an image with an empty cell was not judged.

    Args:
        paths: the files.
        whole: whether every image has to be judged, as a random sample must be.

    Raises:
        ImagesError: for a file that is no such table, without a verdict, with another word, or that names an image twice.
    """
    verdicts: dict[str, bool] = {}
    for path, row in ((each, row) for each in paths for row in _rows(Path(each))):
        name, word = row["id"], row["verdict"].strip().lower()
        if not word and whole:
            raise ImagesError(f"{path}: expected a verdict on each image, good or bad, got none on {name}. Fill it in.")
        if not word:
            continue
        if word not in (*GOOD, *BAD):
            raise ImagesError(f"{path}: expected a verdict on {name}, good or bad (or OK, NOK, ...), got {word!r}. Correct it.")
        if name in verdicts:
            raise ImagesError(f"{path}: expected one verdict on {name}, got two. Keep one of them.")
        verdicts[name] = word in GOOD
    if not verdicts:
        raise ImagesError(f"{', '.join(map(str, paths))}: expected at least one image with a verdict, got none.")
    return verdicts


def draw(table: Path, count: int) -> list[Row]:
    """Return `count` unflagged rows of detections.csv, at random, or all of them where there are fewer.

    Which ones depends on their ids and scores alone: drawn anew they are the same, so that one left out is noticed, and
    no image can be drawn because of what it shows.
    """

    def order(row: Row) -> bytes:
        return blake2b(f"{row['id']}\n{row['score']}".encode(), digest_size=8).digest()

    return nsmallest(count, (row for row in _rows(table, "score") if not _is_flagged(row)), key=order)


def write_questions(folder: Path, count: int, source: Any) -> None:
    """Write audit.csv, a sample of the unflagged images of detections.csv, and flagged.csv, for a person to fill in.

    Raises:
        OutputError: where the folder cannot be written.
    """
    table = folder / TABLE
    for name, rows in ((SAMPLE, draw(table, count)), (FLAGGED, filter(_is_flagged, _rows(table)))):
        asked = ((row["id"], _path(source, row["id"]), row["score"], row["p_value"], "") for row in rows)
        with whole_table(folder / name) as lines:
            lines.write([ASKED])
            lines.write(asked)


def checked_count(count: int) -> int:
    """Return `count` if so many images can be drawn.

    Raises:
        ConfigError: below 1.
    """
    if count < 1:
        raise ConfigError(f"expected a number of images to audit from 1 on, such as 50, got {count}.")
    return count


def _rows(path: Path, *columns: str) -> Iterator[Row]:
    """Yield the rows of a CSV with the columns `id`, `verdict` and others."""
    return read_rows(path, ("id", "verdict", *columns), f"`sablier detect ... --audit 50 -o {path.parent}` writes one.")


def _is_flagged(row: Row) -> bool:
    return row["verdict"] in FLAGGING


def _check_same(path: Path, named: Collection[str], expected: Collection[str], how: str) -> None:
    """Raise where a table names other images than those expected."""
    for those, others, what in ((expected, named, "lacks"), (named, expected, "also names")):
        odd = next(iter(set(those) - set(others)), None)
        if odd is not None:
            raise ImagesError(
                f"{path}: expected a verdict on each image that was {how} and on no other, but it {what} {odd}. "
                "Fill in the file of this run as it was written."
            )


def _path(source: Any, name: str) -> str:
    """Return where an image lies, if it is a file of its own."""
    if not isinstance(source, str | PathLike):
        return ""
    path = (Path(source) if Path(source).is_dir() else Path(source).parent) / as_name(name)
    return str(path) if path.is_file() else ""

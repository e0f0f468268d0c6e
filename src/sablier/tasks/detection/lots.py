"""Lots: at least how many images of each are bad, though none can be named."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sablier.calibration import percent

MOST_PRINTED = 10  # lots that a terminal lists
ASSUMPTION = "This holds if good images are like those that calibrate the model, and independent of each other."
WHOLE_LOT = (
    "A harmless effect on a whole lot, such as another batch of material or other lighting, looks like many bad images: look at "
    "some images of a lot before you reject it."
)


@dataclass(frozen=True)
class Lot:
    """The bound on one lot.

    Args:
        lot: its name.
        images: how many images it has.
        independent: how many of them count, one of each group.
        flagged: how many of the images are flagged.
        bad_at_least: at least how many of the images are bad.
    """

    lot: str
    images: int
    independent: int
    flagged: int
    bad_at_least: int


@dataclass(frozen=True)
class Lots:
    """The bounds on all lots of a batch.

    Args:
        rows: one a lot, in the order of their first images.
        confidence: the probability that the bound of a lot holds; with `simultaneous`, that the bounds of all lots do.
        simultaneous: whether the confidence is that of all lots together (Bonferroni).
    """

    rows: tuple[Lot, ...]
    confidence: float
    simultaneous: bool = False

    def worst_first(self) -> list[Lot]:
        """Return the lots by the share of bad images, the largest first."""
        return sorted(self.rows, key=lambda lot: -lot.bad_at_least / lot.images)

    def words(self) -> str:
        """Return what the bounds mean, in sentences."""
        with_bad = sum(lot.bad_at_least > 0 for lot in self.rows)
        count = f"{with_bad:,} of {len(self.rows):,} lot{'' if len(self.rows) == 1 else 's'}"
        all_or_each = "all lots at once" if self.simultaneous else "each lot"
        have = "has" if with_bad == 1 else "have"
        found = f"{count} {have} bad images, with {percent(self.confidence)} confidence for {all_or_each}."
        if len(self.rows) == 1:
            found += f" The rule gives one lot, {self.rows[0].lot}, for all images."
        return f"{found} {ASSUMPTION} {WHOLE_LOT}"

    def lines(self) -> list[str]:
        """Return a line for each of the worst lots with bad images."""
        bad = [lot for lot in self.worst_first() if lot.bad_at_least]
        found = [
            f"{lot.lot}: at least {lot.bad_at_least:,} of {lot.images:,} images {'is' if lot.bad_at_least == 1 else 'are'} bad"
            for lot in bad[:MOST_PRINTED]
        ]
        more = len(bad) - len(found)
        return [*found, f"... and {more:,} more lots, in lots.csv"] if more else found

    def to_table(self) -> list[dict[str, Any]]:
        """Return one row a lot."""
        return [asdict(lot) for lot in self.rows]

    def to_json(self) -> Mapping[str, Any]:
        """Return the bounds with what they mean."""
        return {
            "confidence": self.confidence,
            "simultaneous": self.simultaneous,
            "words": self.words(),
            "lots": self.to_table(),
        }

"""The rules by which `detect` counts: groups of dependent images, and lots; and the tables that follow its verdicts."""

from pathlib import Path
from typing import Any

from sablier.calibration import CONFIDENCE, LOT_CONFIDENCE
from sablier.errors import ConfigError
from sablier.files import write_whole
from sablier.images.grouping import parse_groups
from sablier.tasks.detection.batch_counts import BoundOptions
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.audit import write_questions
from sablier.workflows.tables import as_csv

TABLE = "lots.csv"


def bound_options(
    confidence: float = CONFIDENCE,
    groups: str | None = None,
    lot: str | None = None,
    lot_confidence: float = LOT_CONFIDENCE,
    simultaneous: bool = False,
) -> BoundOptions:
    r"""Return what is bounded of a batch.

    Args:
        confidence: of the bound on good images among the flagged ones.
        groups: which images are dependent, as `sablier.images.grouping.parse_groups` reads it.
        lot: the lot of each image, in the same form.
        lot_confidence: of the bound on bad images in a lot.
        simultaneous: whether that confidence is of all lots together.

    Raises:
        ConfigError: for a rule of another form, a confidence that is not between 0 and 1, or lots at once without lots.
    """
    if simultaneous and lot is None:
        raise ConfigError("expected a rule of lots for bounds on all lots at once, got none. Name one by --lot.")
    group_rule = None if groups is None else parse_groups(groups)
    lot_rule = None if lot is None else parse_groups(lot, "--lot")
    return BoundOptions(
        confidence,
        None if group_rule is None else group_rule.names_in_part,
        None if lot_rule is None else lot_rule.names_in_part,
        lot_confidence,
        simultaneous,
    )


def write_late_tables(folder: Path, summary: DetectionSummary, audit: int | None, source: Any) -> None:
    """Write the tables that are made of the whole stream: lots.csv, and with `audit` audit.csv and flagged.csv.

    Raises:
        OutputError: if one cannot be written.
    """
    if summary.lots is not None:
        write_whole(folder / TABLE, as_csv(summary.lots.to_table()))
    if audit is not None:
        write_questions(folder, audit, source)

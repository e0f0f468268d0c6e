"""The tables of `detect`, and what it draws, written while it scores."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sablier.images.imageset import ImageSet
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary
from sablier.workflows.tables import StreamedTables, WaitingRows, streamed_tables, waiting_rows

if TYPE_CHECKING:
    from sablier.workflows.alike_defects import DefectGroup
    from sablier.workflows.detection_pictures import DrawnAtEnd

Row = dict[str, Any]


class Drawing(Protocol):
    """What draws pictures of a stream: those of N images as they come, and others at the end."""

    def add(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> list[Row]: ...
    def close(self, summary: DetectionSummary) -> "DrawnAtEnd": ...


@dataclass(frozen=True)
class DetectionOutputs:
    """Writes the rows of a stream.

    Args:
        tables: detections.csv and detections.json.
        waiting: keeps rows until the end of the stream, where something of them is known only then; else None.
        drawing: what draws maps, masks and regions; None draws nothing.
    """

    tables: StreamedTables
    waiting: WaitingRows | None
    drawing: Drawing | None

    def append(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> None:
        """Write the rows of N images, and draw those that are flagged; the arguments are those of `DetectionPictures.add`."""
        rows = result.to_table()
        if self.drawing is not None:
            rows = [row | drawn for row, drawn in zip(rows, self.drawing.add(images, dense, result), strict=True)]
        (self.waiting or self.tables).append(rows)

    def close(self, summary: DetectionSummary) -> "Shown":
        """Write what is known at the end of the stream: verdicts, pictures drawn last, regions, groups, and the summary."""
        shown: list[Row] = []
        late = None if self.drawing is None else self.drawing.close(summary)
        for row in () if self.waiting is None else self.waiting.take():
            whole = {**row, "verdict": summary.verdict(row["p_value"])}
            if late is not None:
                whole |= late.columns.get(row["id"], {})
                if late.group_of is not None:
                    whole["group"] = late.group_of.get(row["id"], "")
            more = whole.pop("shown", None)
            self.tables.append([whole])
            if more is not None:
                shown.append({**whole, **more})
        groups = [] if late is None else late.groups
        self.tables.close({**summary.to_json(), "groups": [asdict(group) for group in groups]})
        return Shown(shown, groups)


@dataclass(frozen=True)
class Shown:
    """What the report shows.

    Args:
        rows: those of the tables, of the images to judge, with what is shown of each.
        groups: of flagged images whose defects look alike.
    """

    rows: Sequence[Row] = ()
    groups: "Sequence[DefectGroup]" = ()


@contextmanager
def detection_outputs(
    folder: Path, batch: bool, drawing: AbstractContextManager[Drawing] | None = None
) -> Iterator[DetectionOutputs]:
    """Open the outputs in a folder.

    Args:
        folder: the output.
        batch: whether verdicts are known at the end only.
        drawing: opens what draws maps, masks and regions; None draws nothing.
    """
    with ExitStack() as stack:
        tables = stack.enter_context(streamed_tables(folder, "detections.csv", "detections.json", "detections"))
        waiting = stack.enter_context(waiting_rows(folder)) if batch or drawing is not None else None
        yield DetectionOutputs(tables, waiting, None if drawing is None else stack.enter_context(drawing))

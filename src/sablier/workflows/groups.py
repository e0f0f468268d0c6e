"""Groups of images beside a model or a sheet: a table that `--groups column:` can read, and a picture of the largest."""

from pathlib import Path

import numpy as np

from sablier.files import write_whole
from sablier.files.kinds import GROUPS, PNG, check_replaces
from sablier.images.grouping import GROUP, ID, count_groups, group_numbers
from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.workflows.tables import as_csv

MOST_DRAWN, MOST_OF_ONE = 12, 8  # groups, and images of each


def groups_paths(output: Path, name: str = "groups") -> tuple[Path, Path]:
    """Return the paths of the table and the picture of groups, beside a file.

    >>> [path.name for path in groups_paths(Path("part.sablier"))]
    ['part.groups.csv', 'part.groups.png']
    """
    stem = output.stem if output.suffix in (".sablier", ".png") else output.name
    return output.with_name(f"{stem}.{name}.csv"), output.with_name(f"{stem}.{name}.png")


def write_groups(dense: ImageSet, preprocess: Preprocess, places: tuple[Path, Path]) -> bool:
    """List and draw the groups of dense images, largest first; if there are none, remove the list of an earlier run.

    Returns:
        Whether there are groups of several images.

    Raises:
        OutputError: if they cannot be written, or would replace files of another kind.
    """
    table, picture = places
    check_replaces(table, GROUPS)
    check_replaces(picture, PNG)
    if count_groups(dense) == len(dense):
        if table.exists():  # of an earlier run; a picture without its table was not made here
            for path in places:
                path.unlink(missing_ok=True)
        return False
    # Plotting is imported only when needed.
    from sablier.report.figures import sheet

    groups = group_numbers(dense)
    sizes = np.bincount(groups)
    names = dense.ids[np.unique(groups, return_index=True)[1]]
    write_whole(table, as_csv([{ID: id, GROUP: names[group]} for id, group in zip(dense.ids.tolist(), groups, strict=True)]))
    largest = [group for group in np.argsort(-sizes, kind="stable")[:MOST_DRAWN] if sizes[group] > 1]
    columns = min(MOST_OF_ONE, int(sizes.max()))
    # A row for each group, padded with white.
    cells = np.ones((len(largest), columns, *dense.shape), np.float32)
    captions = np.full((len(largest), columns), "", object)
    for row, group in enumerate(largest):
        drawn = np.flatnonzero(groups == group)[:columns]
        cells[row, : len(drawn)] = preprocess.to_unit(dense.array[drawn])
        captions[row, : len(drawn)] = [f"1 of {sizes[group]}\n{id}" for id in dense.ids[drawn].tolist()]
    write_whole(picture, sheet(cells.reshape(-1, *dense.shape), captions.ravel().tolist(), columns))
    return True

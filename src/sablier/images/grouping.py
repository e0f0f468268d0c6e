"""Groups: images that are not independent, such as shots of one part or a burst. No split divides a group.

The user gives them by folder, by a column or by a pattern in the names; others are found in the pixels.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from sablier.errors import ConfigError, ImagesError, UnknownName
from sablier.files.cells import read_rows
from sablier.images.fingerprints import Fingerprints
from sablier.images.imageset import ImageSet
from sablier.images.repeats import find_repeats
from sablier.typing import Array

ID, GROUP = "id", "group"  # columns of a table of groups
FORMS = "folder, column:NAME, column:TABLE.csv, column:TABLE.csv:NAME or regex:PATTERN"


@dataclass(frozen=True)
class GroupRule:
    """A rule that assigns images to groups.

    Args:
        kind: "folder", "column" or "regex": the source of the group of an image.
        value: the column, as NAME, TABLE.csv or TABLE.csv:NAME; or the pattern.
    """

    kind: Literal["folder", "column", "regex"]
    value: str = ""

    def names(self, images: ImageSet) -> Array:
        """Return N names of groups.

        Raises:
            ImagesError: if some images have no group, or each would be its own; UnknownName for a column that does not
                exist.
        """
        names = self.names_in_part(images)
        if self.kind == "regex":
            _check_some_alike(images, names, self.value)
        return names

    def names_in_part(self, images: ImageSet) -> Array:
        """Return N names of groups, of images that are a part of a source: each may be of another group.

        Raises:
            ImagesError, UnknownName: as `names`.
        """
        return {"folder": _by_folder, "column": _by_column, "regex": _by_pattern}[self.kind](images, self.value)


def parse_groups(text: str, option: str = "--groups") -> GroupRule:
    r"""Return the rule that `--groups` names, or another option.

    >>> parse_groups("folder"), parse_groups(r"regex:(part\d+)")
    (GroupRule(kind='folder', value=''), GroupRule(kind='regex', value='(part\\d+)'))

    Raises:
        ConfigError: for another form, or an invalid pattern.
    """
    kind, colon, value = text.partition(":")
    if kind == "folder" and not colon:
        return GroupRule("folder")
    if kind == "column" and value.strip():
        return GroupRule("column", value.strip())
    if kind == "regex" and value:
        try:
            captured = re.compile(value).groups
        except re.error as error:
            raise ConfigError(f"expected a regular expression in {option} {text}: {error}.") from error
        if not captured:
            raise ConfigError(rf"expected a part in brackets in {option} {text}, such as regex:(part\d+), got none.")
        return GroupRule("regex", value)
    raise ConfigError(f"expected {option} {FORMS}, got {text!r}.")


def with_groups(images: ImageSet, groups: str | None) -> ImageSet:
    """Return images with the groups of a rule, such as "folder"; unchanged for None.

    Raises:
        ConfigError, ImagesError, UnknownName: as `parse_groups` and `GroupRule.names`.
    """
    if groups is None:
        return images
    return with_group_names(images, parse_groups(groups).names(images))


def with_group_names(images: ImageSet, names: Any) -> ImageSet:
    """Return images with a group each.

    Raises:
        ImagesError: if there is not one name for each image.
    """
    names = np.asarray(names)
    if names.shape != (len(images),):
        raise ImagesError(f"expected {len(images)} groups, one per image, got an array of shape {names.shape}.")
    numbers = in_order(np.unique(names, return_inverse=True)[1])
    return replace(images, groups=numbers, given_groups=numbers)


def with_repeats(images: ImageSet, prints: Fingerprints, *, near: bool = True) -> ImageSet:
    """Return images whose groups also join images that repeat each other; `given_groups` stay as they are.

    Without repeats and given groups, the images have no groups.

    Args:
        images: with their known groups, if any.
        prints: their fingerprints.
        near: whether near copies are joined, or pixel-equal images only.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(images)
    given = group_numbers(images)
    ends = np.concatenate([_first_of_each(given), find_repeats(prints, near=near)]) if count else np.empty(0, np.int64)
    starts = np.tile(np.arange(count), 2)
    links = coo_array((np.ones(2 * count, bool), (starts, ends)), shape=(count, count))
    groups = in_order(connected_components(links, directed=False)[1]) if count else given
    if images.given_groups is None and len(groups) and groups.max() + 1 == count:
        return images
    return replace(images, groups=groups, given_groups=images.given_groups)


def group_numbers(images: ImageSet) -> Array:
    """Return N group numbers from 0, in order of first appearance; without groups, each image has its own.

    >>> group_numbers(ImageSet(np.zeros((3, 8, 8), np.uint8)))
    array([0, 1, 2])
    """
    return np.arange(len(images)) if images.groups is None else in_order(images.groups)


def count_groups(images: ImageSet) -> int:
    """Return the number of groups; that of the images if there are none."""
    return len(images) if images.groups is None else len(np.unique(images.groups))


def counted_groups(images: ImageSet) -> str:
    """Return the numbers of images and groups, in words: "300 images, 62 groups"."""
    return counted(len(images), count_groups(images))


def counted(images: int, groups: int) -> str:
    """Return numbers of images and groups in words; images alone if each is its own group.

    >>> counted(300, 62), counted(300, 300)
    ('300 images, 62 groups', '300 images')
    """
    words = f"{images:,} image{'' if images == 1 else 's'}"
    return words if groups == images else f"{words}, {groups:,} group{'' if groups == 1 else 's'}"


def joined_groups(images: ImageSet) -> int:
    """Return how many given groups were joined with another because they contain copies of one image."""
    if images.given_groups is None or images.groups is None:
        return 0
    pairs = np.unique(np.column_stack([images.given_groups, images.groups]), axis=0)
    _, inverse, counts = np.unique(pairs[:, 1], return_inverse=True, return_counts=True)
    return int(np.sum(counts[inverse] > 1))


def sizes_of_groups(numbers: Array) -> Array:
    """Return N: the size of the group of each image.

    >>> sizes_of_groups(np.array([4, 4, 1])).tolist()
    [2, 2, 1]
    """
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse])


def one_of_each_group(numbers: Array, seed: int = 0) -> Array:
    """Return N booleans, true for one image of each group, drawn at random.

    >>> one_of_each_group(np.array([4, 4, 1])).sum()
    np.int64(2)
    """
    order = np.random.default_rng(seed).permutation(len(numbers))
    chosen = np.zeros(len(numbers), bool)
    chosen[order[np.unique(numbers[order], return_index=True)[1]]] = True
    return chosen


def in_order(numbers: Array) -> Array:
    """Return N numbers from 0, in order of first appearance."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def _first_of_each(numbers: Array) -> Array:
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[inverse])


def _by_folder(images: ImageSet, _: str) -> Array:
    """Return the folder of each image; an image in none is its own group."""
    folders = [str(PurePosixPath(id).parent) for id in images.ids.tolist()]
    if all(folder == "." for folder in folders):
        raise ImagesError(
            f"expected a folder for each group in {images.source}, got images that lie in none. Sort them into folders."
        )
    return np.array([id if folder == "." else f"{folder}/" for id, folder in zip(images.ids.tolist(), folders, strict=True)])


def _by_pattern(images: ImageSet, pattern: str) -> Array:
    found = [re.search(pattern, id) for id in images.ids.tolist()]
    missed = [id for id, match in zip(images.ids.tolist(), found, strict=True) if match is None or not any(match.groups())]
    if missed:
        raise ImagesError(
            f"expected the pattern {pattern} to capture a part of every name, got nothing in {len(missed)} of {len(images)}, "
            f"such as {missed[0]}."
        )
    return np.array(["\n".join(part or "" for part in match.groups()) for match in found if match])


def _check_some_alike(images: ImageSet, names: Array, pattern: str) -> None:
    if len(images) > 1 and len(np.unique(names)) == len(images):
        raise ImagesError(
            f"expected the pattern {pattern} to capture the same in several names, got another text in each of {len(images)}, "
            f"such as {str(names[0])!r} in {images.ids[0]}. Capture less, or leave --groups out."
        )


def _by_column(images: ImageSet, column: str) -> Array:
    columns = {**images.attributes, **({} if images.labels is None else {"label": images.labels})}
    if column in columns:
        return _without_gaps(images, columns[column].astype(str), column)
    table, _, name = column.partition(":") if not Path(column).is_file() else (column, "", "")
    if table.lower().endswith(".csv"):
        groups = _read_table(Path(table), name or GROUP)
        return _without_gaps(images, np.array([groups.get(id, "") for id in images.ids.tolist()]), f"{name or GROUP} of {table}")
    raise UnknownName("column", column, [*columns, "TABLE.csv"])


def _read_table(path: Path, column: str) -> dict[str, str]:
    """Return the group of each id in a CSV with the columns `id` and another."""
    rows = read_rows(path, (ID, column), "`sablier train` and `sablier data preview` write such a table.")
    return {row[ID]: row[column].strip() for row in rows}


def _without_gaps(images: ImageSet, names: Array, column: str) -> Array:
    gaps = images.ids[names == ""]
    if len(gaps):
        raise ImagesError(
            f"expected a group for each image in the column {column}, got none for {len(gaps)} of {len(images)}, such as "
            f"{gaps[0]}. Fill them in."
        )
    return names

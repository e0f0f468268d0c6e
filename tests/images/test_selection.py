"""Taking part of a source by name."""

import numpy as np
import pytest

from sablier.errors import ImagesError, UnknownName
from sablier.images.sources import read_images, stream_images


def test_a_selection_takes_one_label_or_the_others() -> None:
    threes, others = read_images("digits:test[label=3]"), read_images("digits:test[label!=3]")
    assert set(threes.labels) == {"3"}
    assert "3" not in set(others.labels)
    assert len(threes) + len(others) == len(read_images("digits:test"))


def test_a_streamed_selection_gives_the_images_of_a_read_one() -> None:
    streamed = [identity for part in stream_images("digits[label=1,7]", chunk=100) for identity in part.ids]
    assert streamed == list(read_images("digits[label=1,7]").ids)


def test_several_conditions_all_hold() -> None:
    images = read_images("glyphs:test[label=A;bold=True]")
    assert set(images.labels) == {"A"}
    assert images.attributes["bold"].all()


@pytest.mark.parametrize("source", ["digits[label]", "digits[=5]", "digits[label=]"])
def test_a_malformed_selection_says_what_was_expected(source: str) -> None:
    with pytest.raises(ImagesError, match="column=value"):
        read_images(source)


def test_an_empty_selection_names_the_labels_there_are() -> None:
    with pytest.raises(ImagesError, match="The labels are: 0, 1, 2"):
        read_images("digits[label=eleven]")


def test_an_unknown_column_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        read_images("digits[labels=3]")


def test_a_folder_whose_name_ends_in_brackets_is_a_folder(tmp_path) -> None:
    folder = tmp_path / "parts[good=1]"
    folder.mkdir()
    np.save(folder.with_suffix(".npy"), np.zeros((3, 8, 8), np.uint8))
    assert len(read_images(str(folder.with_suffix(".npy")))) == 3

"""combine: from a model file and sets of images to a picture of their sum."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError
from sablier.images import read_images
from sablier.modelfile import ModelFile
from sablier.tasks.latent.mixture import PART, fitted_mixture
from sablier.tasks.latent.reconstruct import encode
from sablier.workflows.combine import combine
from sablier.workflows.reconstruct import drawing_network


@pytest.fixture(scope="module")
def model(small_autoencoder, tmp_path_factory):
    """A model file of a narrow autoencoder of the digits that says nothing of where codes lie."""
    file, path = ModelFile.load(small_autoencoder), tmp_path_factory.mktemp("digits") / "digits.sablier"
    parts = {name: part for name, part in file.parts.items() if name != PART}
    ModelFile(file.task, file.preprocess, parts, file.histories, file.provenance).save(path)
    return path


@pytest.fixture
def folders(tmp_path):
    """Folders of five zeros, five ones and five threes, and a list of them."""
    digits, places = read_images("digits:test"), []
    for label in "013":
        place = tmp_path / label
        place.mkdir()
        for index, image in enumerate(digits.where(label=label).take(range(5))):
            Image.fromarray(image[..., 0]).save(place / f"{index}.png")
        places.append(place)
    return places


def test_folders_are_added_and_subtracted(model, folders, tmp_path):
    seen: list[Any] = []
    result = combine(model, folders[:2], folders[2:], tmp_path / "out.png", on_progress=seen.append)
    assert seen == [5, 10, 15]
    assert [(term.name, term.weight) for term in result.terms] == [
        (str(folders[0]), 1),
        (str(folders[1]), 1),
        (str(folders[2]), -1),
    ]
    file = ModelFile.load(model)
    network = drawing_network(file)[0]
    codes = [encode(network, file.preprocess, read_images(place).dense(file.preprocess)).mean(axis=0) for place in folders]
    np.testing.assert_allclose(result.code, codes[0] + codes[1] - codes[2], atol=1e-5)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size[0] > 900  # four parts of more than an inch at 150 dots
        assert np.asarray(picture.convert("L")).std() > 10


def test_any_source_will_do_and_one_needs_no_list(model, folders):
    by_selection = combine(model, "digits:test[label=3]")
    images = read_images("digits:test").where(label="3")
    np.testing.assert_allclose(by_selection.code, combine(model, images).code, atol=1e-6)
    np.testing.assert_allclose(by_selection.code, combine(model, images.array[..., 0]).code, atol=1e-6)
    assert by_selection.terms[0].name == "digits:test[label=3]"
    assert combine(model, folders[0]).terms[0].count == 5


def test_the_nearest_real_images_come_from_where_one_says(model, folders):
    own = combine(model, folders[:2])
    assert all(id.startswith((str(folders[0]), str(folders[1]))) for id in own.nearest_ids)
    others = combine(model, folders[:2], among="digits")
    assert all(id.startswith("train/") for id in others.nearest_ids)
    assert own.p_value is None
    assert 0 < others.p_value <= 1  # of many codes it can be told


def test_the_mixture_of_the_file_is_asked(model, folders, tmp_path):
    file = ModelFile.load(model)
    mixture = fitted_mixture(encode(drawing_network(file)[0], file.preprocess, read_images("digits")))
    path = tmp_path / "m.sablier"
    ModelFile(file.task, file.preprocess, {**file.parts, PART: mixture.part()}, file.histories, file.provenance).save(path)
    result = combine(path, folders[:2])
    assert result.p_value == pytest.approx(mixture.p_values(result.code[None])[0], abs=0.02)


def test_bad_input_is_said_before_anything_is_written(model, folders, tmp_path):
    out = tmp_path / "out.png"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="got 1 to add and 1 to subtract: the difference of two codes is a direction"):
        combine(model, folders[:1], folders[1:2], out)
    with pytest.raises(ConfigError, match="got 0 to add"):
        combine(model, [], [], out)
    with pytest.raises(ConfigError, match=r"ends in \.png"):
        combine(model, folders, output=tmp_path / "out.gif")
    with pytest.raises(ImagesError, match="empty"):
        combine(model, [tmp_path / "empty"], output=out)
    with pytest.raises(ImagesError, match="expected images of 8 x 8"):
        combine(model, [folders[0], np.zeros((1, 9, 9), np.uint8)], output=out)
    file = ModelFile.load(model)
    ModelFile("denoise", file.preprocess, file.parts, file.histories, file.provenance).save(tmp_path / "denoiser.sablier")
    with pytest.raises(ModelFileError, match="expected a model that reconstructs or detects"):
        combine(tmp_path / "denoiser.sablier", folders, output=out)
    assert not out.exists()


def test_the_picture_never_lies_among_the_images(model, folders):
    for output in (folders[2] / "out.png", folders[0] / "0.png"):
        with pytest.raises(OutputError, match="Choose another place"):
            combine(model, folders[:2], folders[2:], output)
    with pytest.raises(OutputError, match="Choose another place"):
        combine(model, [folders[0] / "0.png"], output=folders[0] / "0.png")
    assert len(list(folders[2].iterdir())) == 5

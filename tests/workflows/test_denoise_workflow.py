"""denoise: from a model file and noisy images of every kind to clean ones, tables and a sheet."""

import csv
import json
import os
import tracemalloc
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sablier.errors import ConfigError, ImagesError, ImagesWarning, ModelFileError, OutputError
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.denoise import NoiseRemover
from sablier.workflows import denoise as module
from sablier.workflows.denoise import denoise
from sablier.workflows.outputs import check_apart
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.denoiser import denoiser_recipe, train_denoiser

# The denoiser of digits has to clean images of every kind here.
pytestmark = pytest.mark.filterwarnings("ignore:these images do not resemble")


@pytest.fixture(scope="module")
def model(trained):
    """A denoiser of digits, trained on every level there is, so that none is outside."""
    return trained("denoiser", "epochs=1", "width=8", "noise_high=10")


@pytest.fixture
def noisy(tmp_path):
    """Images of every kind, and two that are none."""
    folder = tmp_path / "noisy"
    (folder / "deep" / "er").mkdir(parents=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (30, 41), np.uint8)).save(folder / "grey.png")
    Image.fromarray(rng.integers(0, 255, (25, 20, 3), np.uint8)).save(folder / "deep" / "colour.jpg")
    Image.fromarray(rng.integers(0, 255, (8, 9, 4), np.uint8)).save(folder / "deep" / "er" / "clear.png")
    Image.fromarray(rng.integers(0, 65535, (12, 13)).astype(np.uint16)).save(folder / "sixteen.png")
    Image.fromarray(rng.random((10, 11)).astype(np.float32)).save(folder / "float.tif")
    Image.fromarray(np.full((1, 1), 200, np.uint8)).save(folder / "one.png")
    Image.fromarray(np.full((40, 40), 128, np.uint8)).save(folder / "plain.png")
    (folder / "torn.png").write_bytes((folder / "grey.png").read_bytes()[:600])
    (folder / "zero.png").write_bytes(b"")
    return folder


def files_below(folder):
    """Return what a person sees below a folder: not the list of what was made there, which is hidden."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not path.name.startswith("."))


def table(folder):
    with (folder / "levels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_image_comes_back_in_its_place_size_and_type(model, noisy, tmp_path):
    summary = denoise(model, noisy, tmp_path / "out")
    assert files_below(tmp_path / "out") == [
        "deep/colour.jpg.png", "deep/er/clear.png", "denoised.json", "float.tif.npy", "grey.png", "levels.csv", "one.png",
        "plain.png", "sheet.png", "sixteen.png",
    ]  # fmt: skip
    assert (summary.count, summary.skipped_count) == (7, 2)
    modes = {}
    for name in files_below(tmp_path / "out"):
        if name.endswith(".png") and name != "sheet.png":
            with Image.open(tmp_path / "out" / name) as image:
                modes[name] = (image.mode, image.size)
    assert modes == {
        "deep/colour.jpg.png": ("RGB", (20, 25)), "deep/er/clear.png": ("RGB", (9, 8)), "grey.png": ("L", (41, 30)),
        "one.png": ("L", (1, 1)), "plain.png": ("L", (40, 40)), "sixteen.png": ("I;16", (13, 12)),
    }  # fmt: skip
    kept = np.load(tmp_path / "out" / "float.tif.npy")
    assert (kept.shape, kept.dtype) == ((10, 11), np.float32)


def test_the_tables_say_how_noisy_each_was(model, noisy, tmp_path):
    summary = denoise(model, noisy, tmp_path / "out")
    rows, document = table(tmp_path / "out"), json.loads((tmp_path / "out" / "denoised.json").read_text())
    assert [row["id"] for row in rows] == [row["id"] for row in document["images"]] == [row["id"] for row in summary.rows]
    by_id = {row["id"]: row for row in document["images"]}
    assert (by_id["sixteen.png"]["white"], by_id["grey.png"]["white"], by_id["float.tif"]["white"]) == (65535, 255, 1)
    for row in document["images"]:
        assert row["own_level"] == pytest.approx(row["level"] * row["white"])
        assert np.isfinite(row["level"])
        assert row["in_trained_range"]
    assert (document["count"], document["skipped_count"], document["trained_range"]) == (7, 2, [0, 10])
    assert [item["id"] for item in document["skipped"]] == ["zero.png", "torn.png"]
    assert "truncated" in document["skipped"][1]["reason"]
    assert {float(row["level"]) for row in rows} == {row["level"] for row in document["images"]}


def test_the_images_are_those_of_the_task(model, tmp_path):
    images = read_images("digits:test").take(range(70))
    assert denoise(model, images, tmp_path / "out").count == 70
    expected = module.noise_remover(ModelFile.load(model)).denoise(images)
    for name, image in zip(images.ids, expected.cleaned, strict=True):
        with Image.open(tmp_path / "out" / f"{name}.png") as written:
            # Batches of another size round differently.
            np.testing.assert_allclose(np.asarray(written, int), image[..., 0], atol=1)


@pytest.mark.parametrize("kind", ["named", "csv", "npy", "zip", "image"])
def test_any_source(model, tmp_path, kind, noisy):
    digits = read_images("digits:test").array[:5]
    source = tmp_path / f"source.{kind}"
    if kind == "named":
        source = "digits:test[label=3]"
    elif kind == "csv":
        np.savetxt(source, digits.reshape(5, -1), fmt="%d", delimiter=",")
    elif kind == "npy":
        np.save(source, digits)
    elif kind == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            archive.write(noisy / "grey.png", "a/../../grey.png")
    else:
        source = noisy / "grey.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagesWarning)
        summary = denoise(model, source, tmp_path / "out")
    written = [name for name in files_below(tmp_path / "out") if name not in ("levels.csv", "denoised.json", "sheet.png")]
    assert len(written) == summary.count
    assert all(name.endswith(".png") for name in written)


def test_floats_and_sixteen_bit_colour_keep_their_digits(model, tmp_path):
    rng = np.random.default_rng(0)
    denoise(model, rng.normal(size=(2, 9, 10)).astype(np.float32), tmp_path / "floats")
    cleaned = np.load(tmp_path / "floats" / "1.npy")
    assert (cleaned.shape, cleaned.dtype) == ((9, 10), np.float32)
    denoise(model, rng.integers(0, 65535, (1, 9, 10, 3)).astype(np.uint16), tmp_path / "colour")
    cleaned = np.load(tmp_path / "colour" / "0.npy")
    assert (cleaned.shape, cleaned.dtype) == ((9, 10, 3), np.uint16)


def test_without_an_output_nothing_is_written(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts: list[int] = []
    assert denoise(model, read_images("digits:test").take(range(40)), on_progress=counts.append).count == 40
    assert counts == [32, 40]
    assert os.listdir() == []


def test_names_lead_nowhere_else(model, tmp_path):
    ids = ["../up", "/etc/passwd", "a/../../b", "C:\\x", "con", ""]
    images = ImageSet(np.zeros((6, 8, 8), np.uint8), ids=np.array(ids))
    denoise(model, images, tmp_path / "deep" / "out")
    found = files_below(tmp_path)
    assert len(found) == 6 + 3
    assert all(name.startswith("deep/out/") for name in found)


class TestPlaces:
    def test_the_noisy_images_are_never_written_over(self, model, noisy):
        before = {name: (noisy / name).read_bytes() for name in files_below(noisy)}
        for output in (noisy, noisy / "cleaned", noisy.parent, noisy / ".." / "noisy"):
            with pytest.raises(OutputError, match="folder of the images"):
                denoise(model, noisy, output)
        with pytest.raises(OutputError, match="folder of the images"):
            denoise(model, noisy / "grey.png", noisy)
        assert {name: (noisy / name).read_bytes() for name in files_below(noisy)} == before

    def test_other_places_are_apart(self, noisy, tmp_path):
        for source in (noisy, str(noisy), noisy / "grey.png", "digits", np.zeros((2, 3, 3)), tmp_path / "nothing"):
            check_apart(source, tmp_path / "out")

    def test_a_selection_of_a_folder_is_the_folder(self, model, noisy):
        with pytest.raises(OutputError, match="folder of the images"):
            denoise(model, f"{noisy}[label=deep]", noisy)

    def test_an_image_that_is_called_like_the_sheet_is_not_lost(self, model, tmp_path):
        denoise(model, ImageSet(np.zeros((1, 8, 8), np.uint8), ids=np.array(["sheet.png"])), tmp_path / "out")
        assert files_below(tmp_path / "out") == ["denoised.json", "levels.csv", "sheet-.png", "sheet.png"]

    def test_a_link_to_the_folder_is_the_folder(self, model, noisy, tmp_path):
        (tmp_path / "link").symlink_to(noisy)
        with pytest.raises(OutputError, match="folder of the images"):
            denoise(model, noisy, tmp_path / "link")

    def test_an_output_that_is_a_file(self, model, tmp_path):
        (tmp_path / "out").write_text("mine")
        with pytest.raises(OutputError, match="cannot be written"):
            denoise(model, "digits:test", tmp_path / "out")
        assert (tmp_path / "out").read_text() == "mine"

    def test_no_image_is_in_the_way_of_a_folder(self, model, tmp_path):
        images = ImageSet(np.zeros((3, 8, 8), np.uint8), ids=np.array(["a.png", "a.png/b", "A.PNG/c"]))
        denoise(model, images, tmp_path / "out")
        written = [name for name in files_below(tmp_path / "out") if name.endswith(".png") and name != "sheet.png"]
        assert len(written) == 3


class TestWhatCannotBe:
    def test_nothing_readable(self, model, tmp_path):
        folder = tmp_path / "broken"
        folder.mkdir()
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)).save(folder / "torn.png")
        (folder / "torn.png").write_bytes((folder / "torn.png").read_bytes()[:500])
        with pytest.raises(ImagesError, match=r"at least one readable image in .*torn\.png"):
            denoise(model, folder, tmp_path / "out")
        with pytest.raises(ImagesError, match="no such file"):
            denoise(model, tmp_path / "nowhere", tmp_path / "out")

    def test_strict_stops_at_the_first(self, model, noisy, tmp_path):
        with pytest.raises(ImagesError, match=r"(torn|zero)\.png"):
            denoise(model, noisy, tmp_path / "out", strict=True)

    def test_a_model_of_another_task(self, digits_file, tmp_path):
        with pytest.raises(ModelFileError, match="trained to denoise, got one trained to detect"):
            denoise(digits_file, "digits:test", tmp_path / "out")
        recipe = make_recipe("autoencoder", "tiny", ["epochs=1", "width=8"])
        train_autoencoder(read_images("digits"), recipe).save(tmp_path / "autoencoder.sablier")
        with pytest.raises(ModelFileError, match="trained to reconstruct"):
            denoise(tmp_path / "autoencoder.sablier", "digits:test")

    def test_a_model_of_one_size_says_which(self, tmp_path, noisy):
        recipe = make_recipe("denoiser", "tiny", ["model=course_conv", "epochs=1", "filters=2"])
        train_denoiser(read_images("digits"), recipe).save(tmp_path / "conv.sablier")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImagesWarning)
            assert denoise(tmp_path / "conv.sablier", "digits:test[label=3]").count > 0
        with pytest.raises(ImagesError, match="takes images of 8 x 8 only, got"):
            denoise(tmp_path / "conv.sablier", noisy)

    def test_noisy_only_is_for_denoisers(self):
        assert denoiser_recipe("denoiser", True) == denoiser_recipe("denoiser-noisy-only", False) == "denoiser-noisy-only"
        assert denoiser_recipe("detector", False) == "detector"
        with pytest.raises(ConfigError, match="expected the recipe denoiser with noisy_only, got detector"):
            denoiser_recipe("detector", True)


class TestLevelsNotTrainedOn:
    def test_one_warning_says_how_many(self, model, tmp_path):
        file = ModelFile.load(model)
        objective = {**file.provenance.recipe["objective"], "noise_low": 1000.0, "noise_high": 1001.0}
        provenance = file.provenance.model_copy(update={"recipe": {**file.provenance.recipe, "objective": objective}})
        replace(file, provenance=provenance).save(tmp_path / "high.sablier")
        noise = np.random.default_rng(0).integers(0, 256, (70, 8, 8)).astype(np.uint8)
        with pytest.warns(ImagesWarning, match="70 of 70 images have a noise level outside the 1000 to 1001") as caught:
            summary = denoise(tmp_path / "high.sablier", noise, tmp_path / "out")
        assert len(caught) == 1
        assert summary.out_of_range == json.loads((tmp_path / "out" / "denoised.json").read_text())["out_of_range"] == 70
        assert {row["in_trained_range"] for row in table(tmp_path / "out")} == {"False"}

    def test_after_noisy_images_alone_nothing_is_said(self, tmp_path):
        noise = np.random.default_rng(0).normal(size=(60, 8, 8)).astype(np.float32)
        recipe = make_recipe("denoiser-noisy-only", "tiny", ["epochs=1", "width=8"])
        train_denoiser(ImageSet(noise), recipe).save(tmp_path / "m.sablier")
        summary = denoise(tmp_path / "m.sablier", 100 * noise[:3], tmp_path / "out")
        assert (summary.trained_range, summary.out_of_range) == (None, 0)
        assert {row["in_trained_range"] for row in table(tmp_path / "out")} == {""}


def test_memory_does_not_grow_with_the_number_of_images(model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 20_000)
    held: list[int] = []
    denoise_part = NoiseRemover.denoise
    monkeypatch.setattr(
        NoiseRemover, "denoise", lambda remover, images: held.append(len(images)) or denoise_part(remover, images)
    )
    peaks = []
    for count in (20, 80):
        folder = tmp_path / f"photos{count}"
        folder.mkdir()
        for index in range(count):
            Image.fromarray(np.full((100, 100), index, np.uint8)).save(folder / f"{index}.png")
        tracemalloc.start()
        denoise(model, folder, tmp_path / f"out{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert set(held) == {2}
    assert peaks[1] < 1.2 * peaks[0] + 500_000


def test_unreadable_images_are_counted_once(model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 64)
    folder = tmp_path / "some"
    folder.mkdir()
    for index in range(5):
        Image.fromarray(np.full((8, 8), index, np.uint8)).save(folder / f"{index}.png")
    (folder / "zero.png").write_bytes(b"")
    summary = denoise(model, folder)
    assert (summary.count, summary.skipped_count) == (5, 1)

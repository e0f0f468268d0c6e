"""A codec: bytes that decode to the same pixels everywhere, or say what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sablier.errors import ConfigError, ContainerError, ImagesError, ModelFileError
from sablier.images import ImageSet, read_images
from sablier.modelfile import ModelFile
from sablier.recipes.make import make_recipe
from sablier.tasks.codec.codec import Codec
from sablier.tasks.codec.container import pack, unpack
from sablier.workflows.training.autoencoder import train_autoencoder
from sablier.workflows.training.codec import train_codec

SMALLEST = ["steps=3", "latent=4", "width=8", "context.width=8"]


def test_lossless_is(codec, digit_tests):
    found = codec.decompress(codec.compress(digit_tests, lossless=True))
    assert found.damage == found.lost == ()
    assert found.images.array.dtype == np.uint8
    assert (found.images.array == digit_tests.array).all()
    assert found.images.ids.tolist() == digit_tests.ids.tolist()


def test_lossy_gets_larger_and_better_with_quality(codec, digit_tests):
    found = [codec.compressed(digit_tests, quality) for quality in (1, 30, 60, 100)]
    sizes, errors = [each.bytes_an_image for each in found], [each.mse for each in found]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    again = codec.decompress(found[-1].data).images.array
    assert np.mean((again / 255 - digit_tests.array / 255) ** 2) == pytest.approx(errors[-1])


def test_a_target_is_met_and_not_by_much(codec, digit_tests):
    found = codec.compressed(digit_tests, target_bytes=5)
    assert 4.3 < found.bytes_an_image <= 5
    with pytest.raises(ConfigError, match=r"quality 1 takes .* bytes an image"):
        codec.compress(digit_tests, target_bytes=0.1)


@pytest.mark.parametrize("lossless", [False, True])
def test_decoding_does_not_depend_on_threads_batch_or_file(codec, codec_file, digit_tests, lossless, threads, tmp_path):
    codec_file.save(tmp_path / "copy.sablier")
    other = Codec(tmp_path / "copy.sablier")
    digit_tests = digit_tests.take(range(201))
    threads(2)
    data = codec.compress(digit_tests, lossless=lossless)
    threads(1)
    together = other.decompress(data).images.array
    alone = [
        other.decompress(codec.compress(digit_tests.take([index]), lossless=lossless)).images.array[0] for index in (0, 70, 200)
    ]
    assert (together[[0, 70, 200]] == alone).all()
    threads(2)
    assert (other.decompress(data).images.array == together).all()


def test_images_of_any_size_and_colour(codec, colour_codec):
    random = np.random.default_rng(0)
    for shape in [(1, 1, 1), (8, 8, 3), (13, 31, 1), (40, 5, 3), (9, 7, 3)]:
        image = random.integers(0, 256, size=(2, *shape), dtype=np.uint8)
        for each in (codec, colour_codec):
            assert (each.decompress(each.compress(image, lossless=True)).images.array == image).all()
            assert each.decompress(each.compress(image)).images.array.shape == image.shape


def test_images_of_mixed_sizes_keep_names_and_times(codec, tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    for name, shape in {"a.png": (5, 9), "deep/b.png": (20, 8, 3), "c.png": (8, 8)}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, size=shape, dtype=np.uint8)).save(tmp_path / name)
    images = read_images(tmp_path)
    found = codec.decompress(codec.compress(images, lossless=True)).images
    assert found.ids.tolist() == images.ids.tolist()
    assert (found.times == images.times).all()
    assert all((a == b).all() for a, b in zip(images, found, strict=True))


def test_unreadable_images_are_left_out_and_listed(codec, tmp_path):
    from PIL import Image

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:45])
    found = codec.compressed(read_images(tmp_path))
    assert found.header.images == 1
    assert [item.id for item in found.skipped] == ["cut.png"]


def test_damage_costs_one_block(codec, digit_tests):
    data = bytearray(codec.compress(digit_tests, lossless=True))
    container = unpack(bytes(data))
    data[bytes(data).index(container.blocks[2]) + 5] ^= 16
    found = codec.decompress(bytes(data))
    lost = np.arange(128, 192)
    assert len(found.damage) == 1
    assert found.lost == tuple(digit_tests.ids[lost].tolist())
    kept = np.delete(np.arange(len(digit_tests)), lost)
    assert (found.images.array == digit_tests.array[kept]).all()


def test_a_cut_file_gives_what_is_left(codec, digit_tests):
    data = codec.compress(digit_tests, lossless=True)
    found = codec.decompress(data[: len(data) // 2])
    assert 64 <= len(found.images) < len(digit_tests)
    assert (found.images.array == digit_tests.array[: len(found.images)]).all()
    assert len(found.lost) == len(digit_tests) - len(found.images)


def test_another_model_is_refused(codec, digit_tests):
    other = Codec(train_codec(digit_tests, make_recipe("codec", "tiny", SMALLEST)))
    assert other.fingerprint != codec.fingerprint
    with pytest.raises(ContainerError, match=f"of fingerprint {codec.fingerprint}; this one's is {other.fingerprint}"):
        other.decompress(codec.compress(digit_tests))


def test_what_is_no_codec_is_refused(digit_tests):
    file = train_autoencoder(digit_tests, make_recipe("autoencoder", "tiny", ["steps=3", "width=8"]))
    with pytest.raises(ModelFileError, match="expected a model trained to compress, got one trained to reconstruct"):
        Codec(file)


def test_a_model_file_that_lacks_a_part_is_refused(codec_file):
    parts = {name: part for name, part in codec_file.parts.items() if name != "tables"}
    with pytest.raises(ModelFileError, match="lacks a part of the codec"):
        Codec(ModelFile(codec_file.task, codec_file.preprocess, parts, {}, codec_file.provenance))


def test_bad_input_is_refused(codec):
    good = np.zeros((2, 8, 8), np.uint8)
    with pytest.raises(ConfigError, match="quality from 1 to 100"):
        codec.compress(good, 0)
    with pytest.raises(ConfigError, match="target above 0 bytes of a lossy file"):
        codec.compress(good, target_bytes=9, lossless=True)
    with pytest.raises(ConfigError, match="target above 0"):
        codec.compress(good, target_bytes=-1)
    with pytest.raises(ImagesError, match="at least one image"):
        codec.compress(good[:0])
    with pytest.raises(ImagesError, match="8-bit images, got 16"):
        codec.compress(good.astype(np.uint16) + 300)
    with pytest.raises(ImagesError, match="8-bit images"):
        train_codec(ImageSet(np.random.default_rng(0).random((9, 8, 8), np.float32)), make_recipe("codec", "tiny"))


def test_a_block_of_other_images_than_the_header_says_is_lost_not_made_up(codec, digit_tests):
    container = unpack(codec.compress(digit_tests.take(range(20)), lossless=True))
    claims = {"sizes": [(20, 8, 9, 1)]}, {"sizes": [(20, 60_000, 60_000, 3)]}, {"mode": "lossy"}, {"step": 2**20}
    for claim in claims:
        header = container.header.model_copy(update=claim)
        found = codec.decompress(pack(header, [20], container.blocks)[0])
        assert len(found.lost) == 20, claim
        assert "other than the header says" in found.damage[0]


def test_a_block_that_is_not_what_it_should_be_leaves_its_neighbours(codec, digit_tests):
    container = unpack(codec.compress(digit_tests.take(range(150)), lossless=True))
    blocks = list(container.blocks)
    blocks[1] = blocks[1][:-2] + b"ab"
    found = codec.decompress(pack(container.header, [64, 64, 22], blocks)[0])
    assert found.lost == tuple(map(str, range(64, 128)))
    assert (found.images.array == digit_tests.array[np.r_[:64, 128:150]]).all()


def test_a_few_images_are_read_without_the_others(codec, digit_tests):
    data = bytearray(codec.compress(digit_tests, lossless=True))
    data[bytes(data).index(unpack(bytes(data)).blocks[0]) + 5] ^= 16  # is not looked at
    found = codec.decompress(bytes(data), only=[70, 200])
    assert found.images.ids.tolist() == digit_tests.ids[[70, 200]].tolist()
    assert (found.images.array == digit_tests.array[[70, 200]]).all()
    assert found.lost == ()
    assert codec.decompress(bytes(data), only=[3]).lost == (str(digit_tests.ids[3]),)


def test_a_file_of_another_tile_or_step_is_refused(codec, digit_tests):
    container = unpack(codec.compress(digit_tests.take([0])))
    for claim in ({"step": 1}, {"tile": (9, 8, 1)}):
        with pytest.raises(ContainerError, match="no file of this model does"):
            codec.decompress(pack(container.header.model_copy(update=claim), [1], container.blocks)[0])


def test_a_machine_that_draws_otherwise_is_told(codec_file):
    tables = codec_file.parts["tables"]
    other = replace(tables, tensors={**tables.tensors, "digest": tables.tensors["digest"][::-1].copy()})
    with pytest.raises(ModelFileError, match="otherwise than exactly"):
        Codec(replace(codec_file, parts={**codec_file.parts, "tables": other}))


def test_images_that_are_all_alike_take_hardly_any_bytes():
    black = np.zeros((900, 8, 8, 1), np.uint8)
    codec = Codec(train_codec(ImageSet(black), make_recipe("codec", "tiny", SMALLEST)))
    lossy = codec.compress(black)
    assert len(lossy) < 4 * 900
    assert codec.decompress(lossy).images.array.max() <= 20
    assert (codec.decompress(codec.compress(black, lossless=True)).images.array == black).all()
    large = np.zeros((1, 400, 400, 1), np.uint8)
    assert codec.decompress(codec.compress(large, 1)).images.array.shape == large.shape


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stream=st.binary(min_size=40, max_size=300),
    images=st.integers(1, 64),
    side=st.sampled_from([1, 8, 100, 65_535]),
    lossless=st.booleans(),
    step=st.integers(6, 2**20),
)
def test_a_hostile_block_is_read_or_lost_soon(codec, stream, images, side, lossless, step):
    header = unpack(codec.compress(np.zeros((1, 8, 8), np.uint8))).header
    mode = "lossless" if lossless else "lossy"
    hostile = header.model_copy(update={"mode": mode, "step": step, "sizes": [(images, side, side, 1)]})
    found = codec.decompress(pack(hostile, [images], [stream])[0])
    assert len(found.images) + len(found.lost) == images


def test_headers_take_few_bytes(codec, digit_tests):
    container = unpack(codec.compress(digit_tests))
    assert container.header_bytes < 100 * len(container.header.blocks)


def test_without_loss_files_that_hold_more_than_pixels_are_refused(codec, digit_tests, tmp_path):
    for row in range(3):
        grey = Image.fromarray(digit_tests.array[row, ..., 0])
        grey.save(tmp_path / f"{row}.png")
    alpha = grey.convert("LA")
    alpha.putpixel((0, 0), (9, 100))
    alpha.save(tmp_path / "1.png")
    with pytest.raises(ImagesError, match=r"got 1 of 3 that hold more: 1\.png loses its transparency\. Convert these first"):
        codec.compress(read_images(tmp_path), lossless=True)
    assert len(codec.decompress(codec.compress(read_images(tmp_path))).images) == 3
    (tmp_path / "1.png").unlink()
    assert len(codec.decompress(codec.compress(read_images(tmp_path), lossless=True)).images) == 2

"""What the service answers, and that it is what the commands write."""

import base64
import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from zips import zipped

from sablier.images.sources import read_images
from sablier.workflows.compress import decompress
from sablier.workflows.detect import detect


def post(client, path, data, kind="image/png", **more):
    return client.post(f"/v1/models/{path}", content=data, headers={"content-type": kind, **more})


def form(images):
    return [("images", (f"{index:03}.png", data, "image/png")) for index, data in enumerate(images)]


@pytest.fixture(scope="module")
def by_command(models, digits, tmp_path_factory):
    """What `sablier detect` writes of the same images: the rows of detections.csv and of regions.csv."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "images").mkdir()
    for index, data in enumerate(digits):
        (folder / "images" / f"{index:03}.png").write_bytes(data)

    def rows(model, **options):
        detect(models / f"{model}.sablier", folder / "images", folder / "out", **options)
        return [
            list(csv.DictReader((folder / "out" / f"{name}.csv").read_text().splitlines())) for name in ("detections", "regions")
        ]

    return rows


def check_equal(found, expected):
    """Scores of other batches differ in their last bits; all else is the same."""
    assert [row["id"] for row in found] == [row["id"] for row in expected]
    for own, row in zip(found, expected, strict=True):
        assert own["score"] == pytest.approx(float(row["score"]), abs=1e-5)
        assert own["p_value"] == pytest.approx(float(row["p_value"]))
        assert (own["verdict"], own["member"], own["known"]) == (row["verdict"], row["member"], row["known"])


@pytest.mark.parametrize("model", ["threes", "folds"])
@pytest.mark.parametrize("options", [{"alpha": 0.1}, {"fdr": 0.2}, {"reject_alpha": 0.02, "alpha": 0.2}])
def test_a_batch_gets_the_verdicts_of_the_command(client, by_command, digits, model, options):
    answer = client.post(f"/v1/models/{model}/detect", files=form(digits), params=options)
    assert answer.status_code == 200
    expected, _ = by_command(model, **options)
    check_equal(answer.json()["detections"], expected)
    assert {row["verdict"] for row in expected} & {"anomaly", "review", "reject"}
    archive = post(
        client,
        f"{model}/detect?{'&'.join(f'{key}={value}' for key, value in options.items())}",
        zipped(digits),
        "application/zip",
    )
    assert archive.json()["detections"] == answer.json()["detections"]


def test_single_images_get_the_same_verdicts(client, by_command, digits):
    expected, _ = by_command("threes", alpha=0.1)
    found = []
    for index, data in enumerate(digits):
        (row,) = post(client, "threes/detect?alpha=0.1", data).json()["detections"]
        assert row["id"] == "image"
        found.append(row | {"id": f"{index:03}.png"})
    check_equal(found, expected)


def test_regions_are_those_of_the_command(client, by_command, digits):
    answer = client.post("/v1/models/threes/detect", files=form(digits), params={"alpha": 0.1, "regions": True})
    _, expected = by_command("threes", alpha=0.1)
    found = [
        (row["id"], number, region["left"], region["top"], region["width"], region["height"], region["area"])
        for row in answer.json()["detections"]
        for number, region in enumerate(row["regions"], 1)
    ]
    keys = ("region", "left", "top", "width", "height", "area")
    assert found == [(row["id"], *(int(row[key]) for key in keys)) for row in expected]
    assert found
    flagged = next(index for index, row in enumerate(answer.json()["detections"]) if row["regions"])
    single = post(client, "threes/detect?alpha=0.1&regions=true", digits[flagged]).json()["detections"][0]["regions"]
    assert single == answer.json()["detections"][flagged]["regions"]


def test_maps_come_as_a_picture_an_archive_or_in_json(client, digits):
    picture = post(client, "threes/detect", digits[0], accept="image/png")
    assert Image.open(io.BytesIO(picture.content)).size == (8, 8)
    archive = client.post("/v1/models/threes/detect", files=form(digits[:3]), headers={"accept": "application/zip"})
    with zipfile.ZipFile(io.BytesIO(archive.content)) as members:
        assert sorted(members.namelist()) == ["answer.json", *(f"pictures/00{index}.png" for index in range(3))]
        assert len(json.loads(members.read("answer.json"))["detections"]) == 3
        assert members.read("pictures/000.png") == picture.content
    document = post(client, "threes/detect?pictures=true", digits[0]).json()
    assert base64.b64decode(document["pictures"][0]["data"]) == picture.content


def test_an_unreadable_image_of_several_is_listed_and_the_others_are_judged(client, digits):
    answer = client.post("/v1/models/threes/detect", files=form([digits[0], b"no image", digits[1]])).json()
    assert [row["id"] for row in answer["detections"]] == ["000.png", "002.png"]
    assert answer["skipped"][0]["id"] == "001.png"
    assert "image" in answer["skipped"][0]["reason"]


def test_images_of_one_name_get_names_of_their_own(client, digits):
    files = [("images", ("a.png", data, "image/png")) for data in digits[:3]]
    answer = client.post("/v1/models/threes/detect", files=files).json()
    assert [row["id"] for row in answer["detections"]] == ["a.png", "a.png#2", "a.png#3"]


def test_other_images_are_noted(client):
    noise = [np.random.default_rng(index).integers(200, 255, (8, 8), np.uint8) for index in range(20)]
    buffers = []
    for each in noise:
        buffer = io.BytesIO()
        Image.fromarray(each).save(buffer, "PNG")
        buffers.append(buffer.getvalue())
    document = client.post("/v1/models/threes/detect", files=form(buffers)).json()
    assert document["notes"][0].startswith("These images do not resemble the images that the model was trained on")


def test_classes(client, digits):
    document = client.post("/v1/models/classes/classify", files=form(digits)).json()
    labels = read_images("digits:test").labels[:40]
    assert document["images"] == 40
    assert np.mean([row["class"] == label for row, label in zip(document["rows"], labels, strict=True)]) > 0.7


def test_denoised_images_keep_size_and_type(client):
    photo = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "PNG")
    answer = post(client, "clean/denoise", buffer.getvalue(), accept="image/png")
    clean = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert (clean.shape, clean.dtype) == (photo.shape, photo.dtype)
    assert clean.std() < photo.std()
    assert post(client, "clean/denoise", buffer.getvalue()).json()["images"][0]["level"] > 0.02


def test_reconstructions_are_like_the_images(client, digits):
    document = post(client, "codes/reconstruct?pictures=true", digits[0]).json()
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(document["pictures"][0]["data"]))), float) / 255
    image = np.asarray(Image.open(io.BytesIO(digits[0])), float) / np.asarray(Image.open(io.BytesIO(digits[0]))).max()
    assert ((picture - image) ** 2).mean() == pytest.approx(document["errors"][0]["mse"], rel=0.1)


def test_codes_have_the_numbers_of_the_model(client, digits):
    document = client.post("/v1/models/codes/embed", files=form(digits[:5])).json()
    assert document["numbers"] == 6
    assert [len(row["code"]) for row in document["codes"]] == [6] * 5


def test_the_same_seed_gives_the_same_new_images(client):
    headers = {"accept": "application/zip"}
    first, again, other = (
        client.post("/v1/models/codes/sample", params={"count": 4, "seed": seed}, headers=headers) for seed in (1, 1, 2)
    )
    pictures = []
    for answer in (first, again, other):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as members:
            pictures.append([members.read(name) for name in members.namelist() if name.startswith("pictures/")])
    assert len(pictures[0]) == 4
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]


def test_interpolation_takes_two_images(client, digits):
    document = client.post("/v1/models/codes/interpolate", files=form(digits[:2]), params={"count": 5, "pictures": True}).json()
    drawn = [base64.b64decode(picture["data"]) for picture in document["pictures"]]
    assert len(drawn) == len(set(drawn)) == 5  # each step is another picture
    ends = client.post("/v1/models/codes/reconstruct", files=form(digits[:2]), params={"pictures": True}).json()
    for step, picture in zip((drawn[0], drawn[-1]), ends["pictures"], strict=True):
        own, end = (np.asarray(Image.open(io.BytesIO(each)), float) for each in (step, base64.b64decode(picture["data"])))
        assert np.abs(own - end).max() <= 1  # a step of 8 bits: batches of other sizes round differently
    assert (document["from"], document["to"]) == ("000.png", "001.png")
    refused = client.post("/v1/models/codes/interpolate", files=form(digits[:3]))
    assert refused.status_code == 422
    assert "expected 2 images" in refused.json()["detail"]


def test_compressed_images_are_decompressed_by_the_command(client, models, digits, tmp_path):
    answer = client.post(
        "/v1/models/codec/compress", files=form(digits[:6]), params={"lossless": True},
        headers={"accept": "application/octet-stream"},
    )  # fmt: skip
    (tmp_path / "six.sabz").write_bytes(answer.content)
    decompress(tmp_path / "six.sabz", tmp_path / "out", models / "codec.sablier")
    for index, data in enumerate(digits[:6]):
        written = next((tmp_path / "out").glob(f"{index:03}*"))
        assert np.array_equal(np.asarray(Image.open(written)), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("none/detect", 404, "there is no model 'none'"),
        ("three/detect", 404, "Did you mean 'threes'?"),
        ("classes/detect", 409, "sablier train"),
        ("threes/denoise", 409, "expected a model"),
        ("threes/detect?alpha=0", 422, "alpha"),
        ("threes/detect?alpha=1", 422, "alpha"),
        ("threes/detect?alpha=nan", 422, "alpha"),
        ("threes/detect?alhpa=0.1", 422, "alhpa"),
        ("threes/detect?fdr=0.1&reject_alpha=0.01", 422, "not both"),
        ("threes/detect?reject_alpha=0.1", 422, "below 0.05"),
        ("threes/destroy", 404, "/docs"),
    ],
)
def test_what_cannot_be_done_is_said(client, digits, path, status, words):
    answer = post(client, path, digits[0])
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("data", "kind", "status", "words"),
    [
        (b"", "image/png", 400, "got none"),
        (b"hello", "image/png", 422, "no JPEG, PNG"),
        (b"hello", "text/plain", 415, "'text/plain'"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415, "image/svg+xml"),
        (b"<html><script>alert(1)</script></html>", "text/html", 415, "text/html"),
        (b"<html><script>alert(1)</script></html>", "image/png", 422, "no JPEG, PNG"),
        (b"PK\x05\x06" + bytes(18), "application/zip", 422, "found none"),
        (b"PK no archive", "application/zip", 422, "zip archive"),
        (b"--x\r\n\r\nno file\r\n--x--\r\n", "multipart/form-data; boundary=x", 400, ""),
        (b"junk", "multipart/form-data", 400, ""),
    ],
)
def test_what_is_no_image_is_refused(client, data, kind, status, words):
    answer = post(client, "threes/detect", data, kind)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


def test_an_image_of_another_size_is_refused_and_others_that_come_with_it_are_not(client, digits):
    wrong = np.zeros((5, 7), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(wrong).save(buffer, "PNG")
    answer = post(client, "threes/detect", buffer.getvalue())
    assert answer.status_code == 422
    assert "8 x 8" in answer.json()["detail"]
    assert post(client, "threes/detect", digits[0]).status_code == 200


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("threes/detect", "text/html", 406),
        ("threes/detect", "image/webp", 406),
        ("threes/detect", "application/json;q=0", 406),
        ("classes/classify", "image/png", 406),
        ("threes/detect", "*/*", 200),
        ("threes/detect", "text/html, application/*;q=0.5", 200),
    ],
)
def test_an_answer_has_a_form_that_is_accepted(client, digits, path, accept, status):
    assert post(client, path, digits[0], accept=accept).status_code == status


def test_several_pictures_are_no_png(client, digits):
    answer = client.post("/v1/models/threes/detect", files=form(digits[:2]), headers={"accept": "image/png"})
    assert answer.status_code == 406
    assert "2 pictures" in answer.json()["detail"]

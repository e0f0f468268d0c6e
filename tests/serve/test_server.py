"""The server besides its verbs: who may ask, limits, models that change, what it tells of itself."""

import io
import json
import logging
import shutil
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from zips import zip_of

from sablier.errors import ConfigError, ModelFileError
from sablier.serve.app import create_app
from sablier.serve.options import ServiceOptions, read_tokens
from sablier.serve.verbs import VERBS

TOKEN = "a-long-and-random-word"


def post(client, data, path="threes/detect", **headers):
    return client.post(f"/v1/models/{path}", content=data, headers={"content-type": "image/png", **headers})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8080"}, 200),
        ({"host": "localhost:8080"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "192.168.1.7"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:8080"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}, 200),
    ],
)
def test_requests_of_other_sites_are_refused(client, digits, headers, status):
    assert post(client, digits[0], **headers).status_code == status
    assert client.get("/v1/models", headers=headers).status_code == status


def test_a_named_host_is_allowed(server, models):
    with server(ServiceOptions((models,), allowed_hosts=("Inspect.Factory",))) as client:
        assert client.get("/v1/models", headers={"host": "inspect.factory:8080"}).status_code == 200
        assert client.get("/v1/models", headers={"host": "other.factory:8080"}).status_code == 403


def test_a_token_is_asked_for(server, models):
    with server(ServiceOptions((models,), tokens=("first-token-of-two", TOKEN))) as client:
        for wrong in ("", "Bearer", f"Basic {TOKEN}", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"):
            answer = client.get("/v1/models", headers={"authorization": wrong})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        for path in ("/v1/models", "/metrics", "/openapi.json", "/docs"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_other_machines_need_a_token(models):
    for host in ("0.0.0.0", "192.168.1.7", "::"):
        with pytest.raises(ConfigError, match="--token-file"):
            ServiceOptions((models,), host=host)
        assert ServiceOptions((models,), host=host, tokens=(TOKEN,)).host == host


@pytest.mark.parametrize("text", ["", "# nothing\n", "short\n", "a token with spaces in it\n", "ünïcödé-tökén-of-letters\n"])
def test_files_of_tokens_are_checked(tmp_path, text):
    (tmp_path / "t").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="token"):
        read_tokens(tmp_path / "t")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tokens(tmp_path / "missing")
    (tmp_path / "t").write_text(f"# of the line\n\n{TOKEN}\nanother-long-token\n")
    assert read_tokens(tmp_path / "t") == (TOKEN, "another-long-token")


@pytest.mark.parametrize(
    "path", ["../secret", "..%2fsecret", "%2e%2e/secret", "a/../../secret", "threes.sablier%00", "/etc/passwd", "C:%5Cx"]
)
def test_names_are_no_paths(client, models, digits, path):
    shutil.copy(models / "threes.sablier", models.parent / "secret.sablier")
    answer = client.post(f"/v1/models/{path}/detect", content=digits[0], headers={"content-type": "image/png"})
    assert answer.status_code in (404, 422)


def test_names_in_archives_are_no_paths(client, digits, tmp_path):
    data = zip_of([("../../../tmp/a.png", digits[0]), ("/etc/b.png", digits[1]), ("C:\\c.png", digits[2])])
    answer = post(client, data, **{"content-type": "application/zip", "accept": "application/zip"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert all(not name.startswith("/") and ".." not in name for name in found.namelist())
        assert len(found.namelist()) == 4


def test_too_many_bytes_are_refused(server, models, digits):
    with server(ServiceOptions((models,), most_bytes=2000)) as client:
        answer = post(client, bytes(3000))
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")

        def pieces():
            yield from (bytes(500) for _ in range(10))

        assert client.post("/v1/models/threes/detect", content=pieces(), headers={"content-type": "image/png"}).status_code == 413
        assert post(client, digits[0]).status_code == 200


def test_archives_are_limited(server, models, digits):
    with server(ServiceOptions((models,), most_bytes=5_000_000, most_images=50)) as client:
        many = zip_of([(f"{index}.png", digits[0]) for index in range(10_000)])
        answer = post(client, many, **{"content-type": "application/zip"})
        assert (answer.status_code, "10,000" in answer.json()["detail"]) == (413, True)
        bomb = zip_of([("zeros.png", bytes(120_000_000))])
        assert len(bomb) < 200_000
        answer = post(client, bomb, **{"content-type": "application/zip"})
        assert (answer.status_code, "120,000,000" in answer.json()["detail"]) == (413, True)


def test_images_of_too_many_pixels_are_refused_before_they_are_decoded(server, models):
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG", optimize=True)
    assert len(buffer.getvalue()) < 1_000_000
    with server(ServiceOptions((models,), most_pixels=1_000_000)) as client:
        start = time.perf_counter()
        answer = post(client, buffer.getvalue())
        assert (answer.status_code, "at most 1000000 pixels" in answer.json()["detail"]) == (422, True)
        assert time.perf_counter() - start < 5
        photos = [("images", (f"{index}.png", _png(np.zeros((900, 900), np.uint8)), "image/png")) for index in range(3)]
        answer = client.post("/v1/models/clean/denoise", files=photos)
        assert (answer.status_code, "2,430,000" in answer.json()["detail"]) == (413, True)


def _png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def slow(monkeypatch):
    """Embedding waits until it is let go: `slow.set()`."""
    gate, embed = threading.Event(), VERBS["embed"]

    def waiting(state, images, question):
        assert gate.wait(20)
        question.check()
        return embed.run(state, images, question)

    monkeypatch.setitem(VERBS, "embed", replace(embed, run=waiting))
    yield gate
    gate.set()


def test_a_full_server_says_when_to_come_again(server, models, digits, slow):
    with server(ServiceOptions((models,), most_waiting=2)) as client, ThreadPoolExecutor(4) as threads:
        held = [threads.submit(post, client, digits[0], "codes/embed") for _ in range(2)]
        while client.get("/metrics").text.split("\nsablier_queue ")[1].split("\n")[0] != "2.0":
            time.sleep(0.01)
        refused = post(client, digits[0])
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert client.get("/healthz").status_code == 200
        slow.set()
        assert [each.result().status_code for each in held] == [200, 200]
        assert post(client, digits[0]).status_code == 200


def test_what_takes_too_long_is_given_up(server, models, digits, slow):
    with server(ServiceOptions((models,), seconds=0.2)) as client:
        answer = post(client, digits[0], "codes/embed")
        assert (answer.status_code, "0.2 seconds" in answer.json()["detail"]) == (504, True)
        slow.set()


def test_requests_that_come_together_are_answered_in_one_step(server, models, digits):
    with server(ServiceOptions((models,))) as client, ThreadPoolExecutor(16) as threads:
        alone = [post(client, data).json() for data in digits[:16]]
        found = [each.json() for each in threads.map(lambda data: post(client, data), digits[:16] * 3)]
        text = client.get("/metrics").text
    for own, other in zip(found, alone * 3, strict=True):
        assert own["detections"][0]["verdict"] == other["detections"][0]["verdict"]
        assert own["detections"][0]["score"] == pytest.approx(other["detections"][0]["score"], abs=1e-5)
    steps, requests = (float(text.split(f"sablier_batch_requests_{name} ")[1].split("\n")[0]) for name in ("count", "sum"))
    assert requests == 64
    assert steps < requests


def test_a_model_that_is_replaced_is_read_again_and_a_broken_one_is_not(server, models, digits, tmp_path):
    place = tmp_path / "part.sablier"
    shutil.copy(models / "threes.sablier", place)
    with server(ServiceOptions((place,))) as client:
        first = client.get("/v1/models/part").json()["checksum"]
        shutil.copy(models / "folds.sablier", tmp_path / "new")
        (tmp_path / "new").rename(place)
        second = client.get("/v1/models/part").json()
        assert second["checksum"] != first
        assert post(client, digits[0], "part/detect").status_code == 200
        place.write_bytes(place.read_bytes()[:1000])
        third = client.get("/v1/models/part").json()
        assert (third["checksum"], third["problem"]) == (second["checksum"], "its file was replaced by one that cannot be read")
        assert post(client, digits[0], "part/detect").status_code == 200
        shutil.copy(models / "threes.sablier", tmp_path / "mended")
        (tmp_path / "mended").rename(place)
        fourth = client.get("/v1/models/part").json()
        assert (fourth["checksum"], fourth["problem"]) == (first, None)
        place.unlink()
        assert post(client, digits[0], "part/detect").status_code == 200


def test_models_come_and_go_in_a_folder(server, models, tmp_path):
    with server(ServiceOptions((tmp_path,))) as client:
        assert client.get("/v1/models").json() == {"models": [], "unreadable": {}}
        shutil.copy(models / "threes.sablier", tmp_path / "part.sablier")
        (tmp_path / "broken.sablier").write_bytes(b"nothing")
        assert client.get("/v1/models/part").status_code == 200
        assert client.get("/v1/models/broken").status_code == 409
        listed = client.get("/v1/models").json()
        assert [model["name"] for model in listed["models"]] == ["part"]
        assert list(listed["unreadable"]) == ["broken"]
        (tmp_path / "part.sablier").unlink()
        assert client.get("/v1/models/part").status_code == 404


def test_models_are_checked_at_the_start(models, tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        create_app(ServiceOptions((tmp_path / "none.sablier",)))
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ConfigError, match=r"ends in \.sablier"):
        create_app(ServiceOptions((tmp_path / "a.txt",)))
    shutil.copy(models / "threes.sablier", tmp_path / "threes.sablier")
    with pytest.raises(ConfigError, match="different names"):
        create_app(ServiceOptions((models, tmp_path / "threes.sablier")))
    shutil.copy(models / "threes.sablier", tmp_path / "my part.sablier")
    with pytest.raises(ConfigError, match="letters, digits"):
        create_app(ServiceOptions((tmp_path / "my part.sablier",)))


def test_a_named_file_that_is_no_model_stops_the_start(server, tmp_path):
    (tmp_path / "part.sablier").write_bytes(b"nothing")
    with pytest.raises(ModelFileError), server(ServiceOptions((tmp_path / "part.sablier",))):
        pass


def test_an_exported_detector_gives_the_same_verdicts(server, small_onnx, models, digits):
    with server(ServiceOptions((models / "threes.sablier", small_onnx))) as client:
        native, exported = (
            client.post(
                f"/v1/models/{name}/detect", files=[("images", (f"{i}.png", data, "image/png")) for i, data in enumerate(digits)]
            )
            for name in ("threes", small_onnx.stem)
        )
        assert [row["verdict"] for row in exported.json()["detections"]] == [
            row["verdict"] for row in native.json()["detections"]
        ]


def test_models_tell_what_they_promise(client):
    model = client.get("/v1/models/threes").json()
    assert model["task"] == "detect"
    assert (model["height"], model["width"]) == (8, 8)
    assert "5%" in model["promises"]["0.05"]
    assert len(model["checksum"]) == 64
    assert {"threes", "folds", "classes", "codes", "clean", "codec"} <= {
        each["name"] for each in client.get("/v1/models").json()["models"]
    }


def test_counts_and_drift_are_told(server, models, digits):
    with server(ServiceOptions((models,))) as client:
        for _ in range(2):
            client.post(
                "/v1/models/threes/detect", files=[("images", (f"{i}.png", data, "image/png")) for i, data in enumerate(digits)]
            )
        lines = client.get("/metrics").text.split("\n")
        values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}
        assert values['sablier_images_total{model="threes",verb="detect"}'] == 80
        assert sum(value for name, value in values.items() if name.startswith("sablier_verdicts_total")) == 80
        assert values['sablier_drift_evidence{model="threes"}'] >= 100
        assert values['sablier_drift_alarm{model="threes"}'] == 1
        assert values['sablier_requests_total{method="POST",status="200"}'] == 2
        for method in ("BREW", "INVENT"):
            client.request(method, "/v1/models")
        client.post("/v1/models/clean/denoise", content=digits[0], headers={"content-type": "image/png"})
        text = client.get("/metrics").text
        assert 'sablier_requests_total{method="other",status="405"} 2.0' in text
        assert 'sablier_images_total{model="clean",verb="denoise"} 1.0' in text
        assert client.get("/v1/models/threes").json()["drift"]["alarmed"]


def test_every_request_is_logged_without_images(client, digits, caplog):
    with caplog.at_level(logging.INFO, "sablier.access"):
        post(client, digits[0])
        client.get("/nothing")
    first, second = (json.loads(record.message) for record in caplog.records)
    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/models/threes/detect", 200)
    assert set(first) == {"time", "client", "method", "path", "status", "ms", "bytes"}
    assert second["status"] == 404


def test_wrong_methods_and_addresses(client):
    answer = client.get("/v1/models/threes/detect")
    assert (answer.status_code, answer.headers["allow"], answer.headers["content-type"]) == (
        405,
        "POST",
        "application/problem+json",
    )
    assert client.get("/").status_code == 404


def test_the_documentation_needs_nothing_from_elsewhere(client):
    page = client.get("/docs")
    for verb in VERBS:
        assert f"/v1/models/{{name}}/{verb}" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http://127.0.0.1:8080/v1/models/NAME/detect" in page.text


def test_the_description_lists_every_answer(client):
    description = client.get("/openapi.json").json()
    assert "Problem" in description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for operation in operations.values():
            assert {"200", "202", "204"} & operation["responses"].keys(), path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)

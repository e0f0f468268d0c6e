"""The server as a process, and the client that asks it."""

import json
import signal
import socket
import threading
import time
import urllib.request

import pytest
from serving import serving
from zips import zipped

from sablier import Client, ModelFile
from sablier.errors import ServiceError

TOKEN = "a-long-and-random-word"


@pytest.fixture(scope="module")
def served(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "token").write_text(TOKEN)
    with serving(models, "--token-file", str(folder / "token"), "--timeout", "20", log=folder / "log") as server:
        yield server, folder / "log"


@pytest.fixture
def client(served):
    with Client(served[0].address, token=TOKEN) as client:
        yield client


def test_a_client_asks_a_server(served, client, digits, tmp_path):
    assert {"threes", "classes"} <= {model["name"] for model in client.models()}
    (tmp_path / "a.png").write_bytes(digits[0])
    found = client.detect("threes", [tmp_path / "a.png", digits[1], b"no image"], alpha=0.1, regions=True)
    assert [image.id for image in found.images] == ["a.png", "image"]
    assert found.flagged == sum(image.verdict == "anomaly" for image in found.images)
    assert "10%" in found.promise
    assert list(found.skipped) == ["image#2"]
    assert client.ask("classes", "classify", digits[0])["rows"][0]["class"] in "0123456789"
    assert client.ask("codes", "sample", count=3)["images"] == 3
    assert client.file("threes", "detect", digits[0]).startswith(b"\x89PNG")
    log = [json.loads(line) for line in served[1].read_text().splitlines()]
    assert {line["path"] for line in log} >= {"/v1/models", "/v1/models/threes/detect", "/v1/models/codes/sample"}


def test_a_client_says_what_the_server_said(served, client, digits):
    with pytest.raises(ServiceError, match=r"Did you mean 'threes'\?.*\(status 404\)"):
        client.detect("three", digits[0])
    with pytest.raises(ServiceError, match="cannot be read"):
        client.detect("threes", "nowhere.png")
    with Client(served[0].address) as stranger, pytest.raises(ServiceError, match="status 401"):
        stranger.models()
    with Client("http://127.0.0.1:9") as lonely, pytest.raises(ServiceError, match="cannot be asked"):
        lonely.models()


@pytest.mark.slow
def test_a_client_trains_a_model(models, digits, tmp_path):
    (tmp_path / "images.zip").write_bytes(zipped(digits))
    with serving(models, "--jobs", str(tmp_path / "jobs")) as server, Client(server.address) as client:
        options = {"name": "codes", "recipe": "autoencoder", "tier": "tiny", "settings": ["epochs=1", "latent=4", "width=8"]}
        job = client.submit("train", {"source": tmp_path / "images.zip"}, **options)
        assert client.job(job)["state"] in ("queued", "running")
        done = client.wait(job, 0.1)
        (tmp_path / "codes.sablier").write_bytes(
            client.job_file(job, next(name for name in done["files"] if name.endswith(".sablier")))
        )
        assert ModelFile.load(tmp_path / "codes.sablier").task == "reconstruct"
        failing = client.submit("train", {"source": digits[0]}, **options)
        with pytest.raises(ServiceError, match="is failed"):
            client.wait(failing, 0.1)


def test_a_client_tries_again_where_the_server_is_full(monkeypatch):
    import httpx2

    answers = [httpx2.Response(429, headers={"Retry-After": "3"}), httpx2.Response(200, json={"models": [], "unreadable": {}})]
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with Client() as client:
        monkeypatch.setattr(client._http, "request", lambda *args, **more: answers.pop(0))
        assert client.models() == []
    assert slept == [3.0]


@pytest.mark.slow
def test_a_body_that_comes_too_slowly_is_given_up(models):
    with serving(models) as server, socket.create_connection(server.place) as connection:
        # A body of a thousand bytes, of which one comes a second: the limit is on all of it.
        head = (
            "POST /v1/models/threes/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
        )
        connection.sendall(head.encode())
        connection.settimeout(0.5)
        start, answer = time.monotonic(), b""
        while not answer and time.monotonic() - start < 60:
            try:
                connection.sendall(b"x")
                answer = connection.recv(4096)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")
        assert 25 < time.monotonic() - start < 45
        assert urllib.request.urlopen(f"{server.address}/readyz", timeout=10).status == 200


def test_a_server_that_is_stopped_answers_what_has_come(models):
    with serving(models) as server, Client(server.address) as client:
        client.ask("codes", "sample", count=1)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(client.ask("codes", "sample", count=400, pictures=True)))
        asking.start()
        while "sablier_queue 1.0" not in urllib.request.urlopen(f"{server.address}/metrics", timeout=10).read().decode():
            assert not answers
        server.process.send_signal(signal.SIGTERM)
        asking.join(30)
        assert len(answers[0]["pictures"]) == 400
        assert server.process.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.sablier"], "does not exist"),
        (["{models}", "--host", "0.0.0.0"], "--token-file"),
        (["{models}", "--token-file", "nowhere"], "cannot be read"),
        (["{models}", "--max-upload", "much"], "a size such as 20MB"),
        (["{models}", "--port", "99999"], "0 to 65535"),
        (["{models}", "--workers", "0"], "--workers"),
        (["{models}", "--port", "{taken}"], "cannot be had"),
    ],
)
def test_the_command_says_what_is_wrong(sablier, models, arguments, words):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [each.format(models=models, taken=taken.getsockname()[1]) for each in arguments]
        done = sablier("serve", *given)
    assert done.code == 2
    assert words in done.err

"""Jobs over HTTP, with processes that end as they are told to."""

import io
import json
import shutil
import zipfile
from functools import partial

import pytest
from quick_jobs import STAND_IN, wait_until
from starlette.testclient import TestClient

from sablier.serve.app import create_app
from sablier.serve.jobs import Jobs
from sablier.serve.options import ServiceOptions

LOCAL = "http://127.0.0.1:8080"


@pytest.fixture
def folders(tmp_path, small_detector, small_onnx):
    """A folder of models, and a root with images, beside others."""
    for name in ("models", "root/good", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(small_detector, tmp_path / "models" / "threes.sablier")
    shutil.copy(small_onnx, tmp_path / "models" / "exported.onnx")
    for name in ("root/good/a.png", "elsewhere/secret.png"):
        (tmp_path / name).write_bytes(b"an image")
    return tmp_path


@pytest.fixture
def client(folders, monkeypatch):
    monkeypatch.setattr("sablier.serve.service.Jobs", partial(Jobs, command=STAND_IN))
    options = ServiceOptions((folders / "models",), jobs=folders / "jobs", roots=(folders / "root",), most_jobs=2)
    with TestClient(create_app(options), base_url=LOCAL, raise_server_exceptions=False) as client:
        yield client


def archive(count=2):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for index in range(count):
            file.writestr(f"{index}.png", b"an image")
    return buffer.getvalue()


def submit(client, name, data=None, kind="train", **parameters):
    content, headers = (archive(), {"content-type": "application/zip"}) if data is None else (data, {})
    found = client.post(f"/v1/jobs/{kind}", params={"name": name, "tier": "tiny", **parameters}, content=content, headers=headers)
    assert found.status_code == 202, found.text
    return found.json()


def until(client, job, *states):
    wait_until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] in states)
    return client.get(f"/v1/jobs/{job['id']}").json()


def test_a_job_from_its_images_to_its_model(client):
    sent = client.post(
        "/v1/jobs/train", content=archive(), headers={"content-type": "application/zip"},
        params={"name": "part", "tier": "tiny", "settings": ["epochs=2", "folds=2"]},
    )  # fmt: skip
    job = sent.json()
    assert (sent.status_code, sent.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
    assert job["arguments"]["settings"] == ["epochs=2", "folds=2"]
    assert job["continues"] is True
    done = until(client, job, "done", "failed")
    assert (done["state"], done["result"], done["files"]) == ("done", {"images": 3}, ["part.sablier", "starts"])
    assert client.get(f"/v1/jobs/{job['id']}/files/part.sablier").content == b"a model"
    assert [each["id"] for each in client.get("/v1/jobs").json()] == [job["id"]]
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert client.get("/v1/jobs").json() == []
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 404


def test_what_was_uploaded_is_what_the_job_reads(client, folders):
    submit(client, "waits")
    answer = client.post(
        "/v1/jobs/evaluate", params={"model": "threes"},
        files=[("good", ("a.png", b"good")), ("good", ("a.png", b"other")), ("bad", ("bad.zip", archive(3)))],
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    uploads = folders / "jobs" / answer.json()["id"] / "uploads"
    with zipfile.ZipFile(uploads / "good.zip") as good, zipfile.ZipFile(uploads / "bad.zip") as bad:
        assert [good.read(name) for name in good.namelist()] == [b"good", b"other"]
        assert bad.namelist() == ["0.png", "1.png", "2.png"]
    assert (uploads.parent / "model" / "threes.sablier").exists()


def test_pause_resume_and_cancel(client):
    job = submit(client, "waits")
    until(client, job, "running")
    assert client.post(f"/v1/jobs/{job['id']}/pause").json()["asked"] == "pause"
    assert until(client, job, "paused")["asked"] is None
    assert client.post(f"/v1/jobs/{job['id']}/resume").json()["state"] in ("queued", "running")
    client.post(f"/v1/jobs/{job['id']}/cancel")
    until(client, job, "cancelled")
    again = client.post(f"/v1/jobs/{job['id']}/resume")
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["detail"] == "the job is cancelled and cannot be resumed. Only jobs that are paused can."


def test_events_are_sent_until_the_job_has_ended(client):
    job = submit(client, "quick")
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [
            dict(line.split(": ", 1) for line in event.splitlines()) for event in response.read().decode().split("\n\n") if event
        ]
    assert [(event["id"], event["event"]) for event in events] == [("1", "state"), ("2", "state"), ("3", "state")]
    assert [json.loads(event["data"])["state"] for event in events] == ["queued", "running", "done"]
    for options in ({"headers": {"Last-Event-ID": "2"}}, {"params": {"after": 2}}):
        rest = client.get(f"/v1/jobs/{job['id']}/events", **options).text
        assert rest.startswith("id: 3\nevent: state\n")


def test_a_full_queue_is_429_and_says_when_to_try_again(client):
    until(client, submit(client, "waits"), "running")
    for _ in range(2):
        submit(client, "quick")
    refused = client.post("/v1/jobs/train", content=archive(), params={"tier": "tiny"})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize("named", ["good", "./good", "good/a.png"])
def test_images_below_a_root(client, folders, named):
    job = client.post("/v1/jobs/train", params={"name": "quick", "tier": "tiny", "source": named})
    assert job.status_code == 202, job.text
    record = json.loads((folders / "jobs" / job.json()["id"] / "job.json").read_text())
    assert record["sources"] == {"source": str(folders / "root" / named.removeprefix("./"))}


@pytest.mark.parametrize(
    "named",
    [
        "../elsewhere",
        "/etc/passwd",
        "good/../../elsewhere",
        "gone",
        "good\0",
        "~",
        "x" * 900,
        "link",
        "digits",
        "good[label=3]",
    ],
)
def test_no_path_leads_out_of_a_root(client, folders, named):
    (folders / "root" / "link").symlink_to(folders / "elsewhere")
    found = client.post("/v1/jobs/train", params={"tier": "tiny", "source": named})
    assert found.status_code == 404, found.text
    assert str(folders) not in found.text


def test_no_link_in_a_folder_leads_out_of_a_root(client, folders):
    (folders / "root" / "good" / "b.png").symlink_to(folders / "elsewhere" / "secret.png")
    found = client.post("/v1/jobs/train", params={"tier": "tiny", "source": "good"})
    assert found.status_code == 422
    assert "'b.png' in the folder is a link to a file that is not below a root" in found.json()["detail"]


@pytest.mark.parametrize("name", ["../job.json", "..%2Fjob.json", "/etc/passwd", "part.sablier/..", "%2e%2e/job.json", ""])
def test_no_name_of_a_file_leads_out_of_the_output(client, name):
    job = submit(client, "part")
    until(client, job, "done")
    assert client.get(f"/v1/jobs/{job['id']}/files/{name}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "parameters", "status", "said"),
    [
        ("train", {"recipe": "detectr"}, 422, "unknown recipe 'detectr'"),
        ("train", {"settings": "wdth=3"}, 422, "wdth"),
        ("train", {"groups": "column:/etc/passwd"}, 422, "expected groups folder or regex:PATTERN"),
        ("train", {"name": "../model"}, 422, "name"),
        ("train", {"unknown": "1"}, 422, "unknown"),
        ("calibrate", {"model": "gone"}, 404, "there is no model 'gone'"),
        ("calibrate", {}, 422, "model"),
        ("calibrate", {"model": "exported"}, 409, "exported.onnx"),
        ("calibrate", {"model": "threes", "alpha": "1"}, 422, "alpha"),
        ("map", {"model": "threes", "method": "magic"}, 422, "method"),
        ("delete", {}, 404, "there is no /v1/jobs/delete"),
    ],
)
def test_what_cannot_be_done_is_a_problem(client, kind, parameters, status, said):
    found = client.post(f"/v1/jobs/{kind}", params=parameters, content=archive())
    assert (found.status_code, found.headers["content-type"]) == (status, "application/problem+json")
    assert said in found.json()["detail"]
    assert client.get("/v1/jobs").json() == []


def test_bodies_that_are_no_images(client):
    for content, status in ((b"", 400), (b"PK but no archive", 422)):
        assert client.post("/v1/jobs/train", content=content).status_code == status
    assert client.post("/v1/jobs/train", content=b"<svg/>", headers={"content-type": "image/svg+xml"}).status_code == 415
    twice = client.post("/v1/jobs/train", params={"source": "good"}, content=archive())
    assert twice.status_code == 422
    assert "expected source once" in twice.json()["detail"]
    other = client.post("/v1/jobs/train", files=[("bad", ("a.png", b"an image"))])
    assert other.status_code == 422
    assert "a job of kind train needs source; got bad" in other.json()["detail"]


@pytest.mark.parametrize("id", ["0123456789abcdef", "no-id", "..%2Fjobs", "0" * 5000])
def test_an_unknown_job(client, id):
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/files/a"), ("POST", "/pause"), ("DELETE", "")):
        assert client.request(method, f"/v1/jobs/{id}{path}").status_code == 404
    assert client.put("/v1/jobs/0123456789abcdef").headers["allow"] == "DELETE, GET"
    assert client.get("/v1/jobs/train").headers["allow"] == "POST"


def test_a_server_without_jobs_says_so(folders):
    with TestClient(create_app(ServiceOptions((folders / "models",))), base_url=LOCAL) as client:
        found = client.get("/v1/jobs")
        assert (found.status_code, "without --jobs" in found.json()["detail"]) == (404, True)


def test_a_server_without_roots_reads_no_disk(folders, monkeypatch):
    monkeypatch.setattr("sablier.serve.service.Jobs", partial(Jobs, command=STAND_IN))
    options = ServiceOptions((folders / "models",), jobs=folders / "jobs")
    with TestClient(create_app(options), base_url=LOCAL) as client:
        found = client.post("/v1/jobs/train", params={"source": str(folders / "root")})
        assert (found.status_code, "without --root" in found.json()["detail"]) == (422, True)

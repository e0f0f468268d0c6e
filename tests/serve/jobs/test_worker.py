"""What the process of a job does, in this process or in one that is short."""

import subprocess
import sys
import threading
import time
import warnings

import pytest
from PIL import Image
from pydantic import ValidationError
from quick_jobs import IMAGES

from sablier.errors import ConfigError
from sablier.files.locking import locked
from sablier.modelfile import ModelFile
from sablier.serve.jobs import Jobs, worker
from sablier.serve.jobs.events import EventReader
from sablier.serve.jobs.kinds import Calibrate, Evaluate, Map, Train
from sablier.serve.jobs.outcome import Outcome
from sablier.training.progress import Progress, Whole


@pytest.fixture
def worked(tmp_path, monkeypatch):
    """Do a job here, and return its folder and its outcome."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)

    def work(kind, sources, **options):
        folder = tmp_path / "jobs" / Jobs(tmp_path / "jobs", **options).submit(kind, sources).id
        monkeypatch.chdir(folder)
        assert worker.work(folder) == 0
        return folder, Outcome.load(folder)

    return work


def test_train(worked, zipped_digits):
    settings = ("members=restoration", "epochs=2", "folds=2", "width=8")
    kind = Train(name="threes", tier="tiny", settings=settings, seed=3)
    folder, outcome = worked(kind, {"source": zipped_digits("digits[label=3]", 40)})
    assert outcome.error is None
    assert outcome.result == {"task": "detect", "images": 40, "groups": 40, "skipped": [], "filtered": 0}
    file = ModelFile.load(folder / "output" / "threes.sablier")
    assert file.provenance.source == "uploads/source.zip"
    assert file.provenance.recipe["fit"]["seed"] == 3
    events = list(EventReader(folder).new())
    losses = [event.content["losses"] for event in events if event.kind == "epoch"]
    assert [row["epoch"] for row in losses] == [1, 2, 1, 2]
    assert all(row["loss"] > 0 and row["validation_loss"] > 0 for row in losses)
    assert {event.content["stage"] for event in events if event.kind == "epoch"} == {
        "training the network of restoration, fold 1 of 2", "training the network of restoration, fold 2 of 2"
    }  # fmt: skip
    shares = [event.content["share"] for event in events if event.kind == "progress" and event.content["work"]]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_calibrate(worked, digits_file, zipped_digits):
    kind = Calibrate(name="again", alpha=0.1)
    folder, outcome = worked(kind, {"model": digits_file, "source": zipped_digits("digits:test[label=3]", 30)})
    assert outcome.error is None
    assert outcome.result["promise"].startswith("At most 10% of good images")
    assert ModelFile.load(folder / "output" / "again.sablier").provenance.calibrated == outcome.result["calibrated"]


def test_evaluate(worked, digits_file, zipped_digits):
    good, bad = (zipped_digits(f"digits:test[label={label}]", 20) for label in (3, 5))
    folder, outcome = worked(Evaluate(), {"model": digits_file, "good": good, "bad": bad})
    assert outcome.error is None
    assert outcome.result["methods"][0]["method"] == "sablier"
    assert outcome.result["methods"][0]["auroc"] > 0.9
    assert "20 bad images" in (folder / "output" / "evaluation.html").read_text()


def test_map(worked, small_autoencoder, zipped_digits):
    source = zipped_digits("digits:test", 30)
    folder, outcome = worked(Map(method="pca"), {"model": small_autoencoder, "source": source})
    assert outcome.error is None
    assert (outcome.result["images"], outcome.result["method"]) == (30, "pca")
    assert (folder / "output" / "map.html").exists()


def test_images_below_a_root_stay_where_they_are(worked, digit_folder, digits_file):
    before = sorted(digit_folder.iterdir())
    _, outcome = worked(Map(method="pca"), {"model": digits_file, "source": digit_folder})
    assert outcome.result["images"] == 40
    assert sorted(digit_folder.iterdir()) == before


def test_what_cannot_be_done_is_said(worked):
    _, outcome = worked(Train(tier="tiny"), {"source": IMAGES})
    assert "/images" in outcome.error


def test_too_large_images_are_left_out_with_the_limit_of_the_server(worked, zipped_digits):
    _, outcome = worked(Train(tier="tiny"), {"source": zipped_digits("digits", 20)}, most_pixels=10)
    assert "decompression bomb" in outcome.error or "pixels" in outcome.error


def test_a_fault_is_told_and_logged(worked, monkeypatch, capsys):
    monkeypatch.setattr(Train, "run", lambda *_: 1 / 0)
    _, outcome = worked(Train(tier="tiny"), {"source": IMAGES})
    assert outcome.error == "the job ended by a fault, ZeroDivisionError: division by zero. The log of the job has more."
    assert "Traceback" in capsys.readouterr().err


def test_warnings_are_events(worked, monkeypatch):
    def run(*_):
        warnings.warn("3 images could not be read", UserWarning, stacklevel=1)
        return {}

    monkeypatch.setattr(Train, "run", run)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        folder, _ = worked(Train(tier="tiny"), {"source": IMAGES})
    assert [event.content for event in EventReader(folder).new() if event.kind == "warning"] == [
        {"text": "3 images could not be read"}
    ]


def test_a_job_with_an_outcome_is_not_done_again(worked, monkeypatch, tmp_path):
    monkeypatch.setattr(Train, "run", lambda *_: {"images": 1})
    folder, _ = worked(Train(tier="tiny"), {"source": IMAGES})
    monkeypatch.setattr(Train, "run", lambda *_: {"images": 2})
    assert worker.work(folder) == 0
    assert Outcome.load(folder).result == {"images": 1}


def test_a_process_waits_for_an_earlier_one(worked, monkeypatch, tmp_path):
    monkeypatch.setattr(Train, "run", lambda *_: {"images": 1})
    jobs = Jobs(tmp_path / "jobs")
    folder = tmp_path / "jobs" / jobs.submit(Train(tier="tiny"), {"source": IMAGES}).id
    with locked(folder):
        second = threading.Thread(target=worker.work, args=[folder])
        second.start()
        time.sleep(0.3)
        assert Outcome.load(folder) is None
    second.join()
    assert Outcome.load(folder).result == {"images": 1}


def test_progress_is_told_at_most_twice_a_second_and_losses_always(tmp_path, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    tell = worker.Teller(tmp_path)
    for step in range(100):
        now += 0.01
        tell("training", Progress(step, 100, {"loss": 1.0} if step % 50 == 49 else None, Whole("3 images", step / 100, 1.5)))
    tell("calibrating", Progress(0, 1))
    kinds = [event.kind for event in EventReader(tmp_path).new()]
    assert kinds == ["progress", "epoch", "progress", "epoch", "progress"]


def test_a_process_that_is_deaf_ends_itself():
    script = """
import time
from sablier.serve.jobs import worker
worker.GRACE_SECONDS = 0.1
def deaf(folder):
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            print("I heard that", flush=True)
worker.work = deaf
worker.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "."], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == worker.STOPPED, done.stderr


@pytest.mark.parametrize("groups", ["column:/etc/passwd", "column:secret.csv:group", "/etc/passwd", "regex:(", "Folder"])
def test_groups_of_a_request_name_no_file(groups):
    for kind, sources in ((Train(groups=groups), ["source"]), (Calibrate(groups=groups), ["model", "source"])):
        with pytest.raises(ConfigError, match="expected"):
            kind.check(dict.fromkeys(sources))


@pytest.mark.parametrize("name", ["", "../model", "a/b", ".hidden", "a\n", "-o", "x" * 101, "é", "a\\b", "C:x"])
def test_names_of_models_are_plain(name):
    with pytest.raises(ValidationError):
        Train(name=name)

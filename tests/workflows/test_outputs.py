"""What every verb that writes has in common: apart from what it reads, alone, over nothing of another kind."""

import inspect
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sablier
from sablier.errors import ImagesError, OutputError, SablierError
from sablier.files.kinds import MODEL, PAGE
from sablier.files.locking import LOCK, locked_file
from sablier.images import read_images
from sablier.workflows import outputs
from sablier.workflows.calibrate import calibrate
from sablier.workflows.detect import detect
from sablier.workflows.evaluate import evaluate
from sablier.workflows.outputs import check_apart, check_file_apart, output_file, output_folder, writes
from sablier.workflows.preview import preview
from sablier.workflows.training.train import train

# Every public verb with an argument `output`, and what it takes for one, below the folder of its images.
FOLDERS = ["detect", "classify", "denoise", "reconstruct", "cluster", "attack", "robustness", "mistakes"]
FILES = {
    "train": "m.sablier", "calibrate": "m.sablier", "compress": "a.sabz", "embed": "z.npz", "map_images": "map.html",
}  # fmt: skip


def save(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for index in range(3):
        save(tmp_path / "photos" / f"{index}.png", 40 * index)
    return tmp_path / "photos"


def state(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# apart


def call(verb: str, photos: Path, output: Path) -> None:
    first = (photos,) if verb == "train" else (photos.parent / "any.sablier", photos)
    getattr(sablier, verb)(*first, output)


@pytest.mark.parametrize("verb", FOLDERS)
@pytest.mark.parametrize("output", [".", "photos", "photos/out"])
def test_no_verb_writes_among_the_images_it_reads(photos, verb, output):
    before = state(photos.parent)
    with pytest.raises(OutputError, match=r"is or shares the folder of the images\. Choose one apart"):
        call(verb, photos, photos.parent / output)
    assert state(photos.parent) == before


@pytest.mark.parametrize("verb", FILES)
def test_no_verb_writes_a_file_among_the_images_it_reads(photos, verb):
    before = state(photos)
    for output in (photos / FILES[verb], photos / "0.png", photos / "deep" / FILES[verb]):
        with pytest.raises(OutputError, match="is or lies among the images"):
            call(verb, photos, output)
    with pytest.raises(OutputError, match="is or lies among the images"):
        call(verb, photos / "0.png", photos / "0.png")
    assert state(photos) == before


def test_every_verb_that_writes_is_one_of_those_that_are_checked():
    unchecked = {"watch", "fit"}  # watch checks by itself, since its runs go on from each other
    verbs = [name for name in dir(sablier) if inspect.isfunction(getattr(sablier, name))]
    writing = [name for name in verbs if "output" in inspect.signature(getattr(sablier, name)).parameters]
    assert len(writing) >= 18
    wrapped = [name for name in writing if inspect.unwrap(getattr(sablier, name)) is not getattr(sablier, name)]
    assert set(writing) - set(wrapped) <= unchecked


def test_evaluate_and_preview_too(photos, tmp_path, digits_file):
    for good, bad in ((photos, "digits"), ("digits", photos)):
        with pytest.raises(OutputError, match="lies among the images"):
            evaluate(digits_file, good, bad, photos / "report.html")
    with pytest.raises(OutputError, match="lies among the images"):
        preview(photos, photos / "preview.png", 3)


def test_calibrating_a_model_that_lies_among_the_images(photos, digits_file):
    shutil.copy(digits_file, photos / "m.sablier")
    with pytest.raises(OutputError, match="lies among the images"):
        calibrate(photos / "m.sablier", photos)


def test_other_places_are_apart(photos, tmp_path):
    np.save(tmp_path / "photos" / "a.npy", np.zeros((2, 8, 8), np.uint8))
    sources = [np.zeros((2, 8, 8)), "digits", "mnist:test[label=3]", tmp_path / "nothing", tmp_path / "photos2", None, ""]
    for source in (*sources, photos):
        check_apart(source, tmp_path / "out")
        check_file_apart(source, tmp_path / "out.html")
    check_apart(photos / "a.npy", photos)  # of a folder only that file is read
    check_file_apart(photos / "0.png", photos / "report.html")
    with pytest.raises(OutputError):
        check_apart(photos / "0.png", photos)


def test_links_and_selections_are_seen_through(photos, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(photos)
    for source, output in (
        (photos, tmp_path / "link" / "out"),
        (tmp_path / "link", photos / "out"),
        (f"{photos}[label=a]", photos),
    ):
        with pytest.raises(OutputError):
            check_apart(source, output)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    check_apart("digits", Path("digits"))  # the named set, not the folder
    with pytest.raises(OutputError):
        check_apart("./digits", Path("digits"))


# kinds


def test_a_verb_replaces_what_it_writes_and_nothing_else(photos, tmp_path, digits_file):
    model, photo = shutil.copy(digits_file, tmp_path / "m.sablier"), save(tmp_path / "other" / "000.png")
    before = state(tmp_path)
    with pytest.raises(OutputError, match=r"m\.sablier is there already and is not a page written by sablier"):
        evaluate(model, "digits[label=3]", "digits[label=5]", model)
    with pytest.raises(OutputError, match=r"000\.png is there already and is not a \.sablier model"):
        train(photos, photo)
    with pytest.raises(OutputError, match=r"000\.png is there already and is not a \.sablier model"):
        calibrate(model, "digits[label=3]", photo)
    assert state(tmp_path) == before
    calibrate(model, "digits:test[label=3]")
    assert state(tmp_path) != before


def test_what_train_writes_beside_its_model_replaces_nothing_either(photos, tmp_path):
    (tmp_path / "m.filtered.csv").write_text("name,price\n")
    with pytest.raises(OutputError, match=r"m\.filtered\.csv is there already and is not a list of filtered images"):
        train(photos, tmp_path / "m.sablier")


# alone


def test_of_two_runs_into_one_folder_the_second_is_refused(digits_file, tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def slowly(count: int) -> None:
        entered.set()
        leave.wait(60)

    first = threading.Thread(
        target=detect, args=(digits_file, "digits:test", tmp_path / "out"), kwargs={"report": False, "on_progress": slowly}
    )
    first.start()
    entered.wait(60)
    try:
        with pytest.raises(OutputError, match=r"out is in use by process \d+ on .*Stop it, or choose another folder with -o"):
            detect(digits_file, "digits:test[label=3]", tmp_path / "out", report=False)
    finally:
        leave.set()
        first.join()
    assert len((tmp_path / "out" / "detections.csv").read_text().splitlines()) == 361
    assert not (tmp_path / "out" / LOCK).exists()


def test_of_two_runs_to_one_file_the_second_is_refused(tmp_path, photos):
    with locked_file(tmp_path / "m.sablier"):
        with pytest.raises(OutputError, match=r"m\.sablier is in use by process .* choose another file with -o"):
            train(photos, tmp_path / "m.sablier")
        with locked_file(tmp_path / "other.sablier"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    with pytest.raises(ImagesError), output_folder(tmp_path / "out", "detect"):
        raise ImagesError("nothing")
    assert list(tmp_path.iterdir()) == []


def test_runs_that_wait_for_each_other_never_hold_one_lock_together(tmp_path):
    """The lock file is removed by its owner: who opened it before must not take the removed one for the lock."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from sablier.errors import OutputError; from sablier.files.locking import locked\n"
        "folder, mark = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "end = time.monotonic() + 3\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with locked(folder):\n"
        "            mark.touch(exist_ok=False)\n"
        "            mark.unlink()\n"
        "    except OutputError: pass\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "out", tmp_path / "mark"], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for run in runs:
        assert run.communicate(timeout=60)[1] == ""


def test_the_decorator_leaves_a_call_without_output_alone(tmp_path):
    @writes("verb", "source", file=PAGE)
    def verb(source: object, output: Path | None = None) -> str:
        return "done"

    assert verb(tmp_path) == "done"
    with pytest.raises(TypeError):
        verb()  # type: ignore[call-arg]
    with pytest.raises(SablierError):
        verb(tmp_path, output=tmp_path / "page.html")
    with output_file(tmp_path / "m.sablier", MODEL):
        pass
    assert outputs.by_suffix(Path("a.HTML")) is PAGE


# the whole


def test_results_are_never_judged(digits_file, tmp_path):
    """20 of 30, then 60 of 70 were flagged where detect wrote into its own folder."""
    for index, image in enumerate(read_images("digits:test[label=3]").take(range(10))):
        path = tmp_path / "new" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)
    with pytest.raises(OutputError):
        detect(digits_file, tmp_path / "new", tmp_path / "new" / "out")
    counts = [detect(digits_file, tmp_path / "new", tmp_path / "out").count for _ in range(2)]
    assert counts == [10, 10]

"""What a user can mend is said in a line or two, with exit code 2, never a traceback, and nothing is lost."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MEMBERS = ["--set", "members=restoration,transformations,closed-form"]
TINY = ["--tier", "tiny", *MEMBERS, "--set", "epochs=1", "--set", "folds=2", "--set", "width=8"]


@pytest.fixture
def model(digits_file: Path, tmp_path: Path) -> Path:
    """A model file in the folder the command runs in."""
    return Path(shutil.copy(digits_file, tmp_path / "m.sablier"))


@pytest.fixture
def folder(tmp_path: Path, digit_threes) -> Path:
    """Twelve readable images, one torn and one empty."""
    place = tmp_path / "images"
    place.mkdir()
    for index, image in enumerate(digit_threes.take(range(12))):
        Image.fromarray(image[..., 0]).save(place / f"{index:02}.png")
    whole = (place / "00.png").read_bytes()
    (place / "torn.png").write_bytes(whole[: len(whole) // 2])
    (place / "zero.png").write_bytes(b"")
    return place


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", "digits"], "there is no verb 'trian'. Did you mean 'train'? See: sablier --help"),
        (["xyz"], "there is no verb 'xyz'. See: sablier --help"),
        (["data", "lst"], "No such command 'lst'. Did you mean 'list'"),
        (["detect", "m.sablier", "digits", "--alhpa", "0.1"], "No such option: --alhpa (Possible options: --alpha"),
        (["train", "digits", "-o", "x.sablier", "--set", "epocs=3"], "unknown setting 'epocs'. Did you mean 'epochs'"),
        (["train", "digits", "-o", "x.sablier", "--set", "optimizer=sgdd"], "unknown optimizer 'sgdd'. Did you mean 'sgd'"),
        (["train", "digits", "-o", "x.sablier", "--tier", "tny"], "unknown tier 'tny'. Did you mean 'tiny'"),
        (["train", "digits", "-o", "x.sablier", "--recipe", "detecto"], "unknown recipe 'detecto'. Did you mean 'detector'"),
        (["train", "digits", "-o", "x.sablier", "--set", "model=botleneck"], "Did you mean 'bottleneck'"),
        (["train", "digts", "-o", "x.sablier"], "no such file or folder, nor a named set. Did you mean 'digits'"),
        (["train", "digits:tset", "-o", "x.sablier"], "unknown split 'tset'. Did you mean 'test'"),
        (["train", "digits[labl=3]", "-o", "x.sablier"], "unknown attribute 'labl'. Did you mean 'label'"),
        (["data", "get", "mnst"], "unknown data set 'mnst'. Did you mean 'mnist'"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(sablier, arguments, message):
    done = sablier(*arguments)
    assert done.code == 2
    assert message in done.err
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "expected --set key=value"),
        ("epochs=many", "expected a whole number for epochs"),
        ("latent=0", "expected latent of bottleneck to be at least 1, got 0"),
        ("width=-3", "expected width of bottleneck to be at least 1, got -3"),
        ("seed=-1", "expected seed from 0"),
        ("noise=nan", "expected a number for noise, got 'nan'"),
        ("noise=-1", "expected noise from 0 to 10"),
        ("device=abacus", "expected device auto, cpu, cuda or mps"),
        ("device=cuda:zz", "device 'cuda:zz' cannot be used here"),
        ("latent=1000000000000000", "there is not enough memory"),
    ],
)
def test_a_value_that_is_none_says_what_is_expected(sablier, setting, message):
    done = sablier("train", "digits[label=3]", "-o", "x.sablier", "--tier", "tiny", *MEMBERS, "--set", setting)
    assert done.code == 2
    assert message in done.err
    assert os.listdir() == []


@pytest.mark.parametrize("alpha", ["0", "1", "-0.1", "5", "nan"])
def test_alpha_lies_between_0_and_1(sablier, model, alpha):
    for arguments in (
        ["detect", model, "digits:test", "-o", "out"],
        ["evaluate", model, "--good", "digits:test", "--bad", "digits:test"],
        ["compare", model, "--good", "digits:test", "--bad", "digits:test"],
    ):
        done = sablier(*arguments, "--alpha", alpha)
        assert done.code == 2
        assert "expected a false-alarm rate alpha between 0 and 1, such as 0.05" in done.err
    assert os.listdir() == ["m.sablier"]


def test_alpha_is_a_number(sablier, model):
    done = sablier("detect", model, "digits", "--alpha", "five")
    assert done.code == 2
    assert "Invalid value for '--alpha'" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["detect", "none.sablier", "digits", "-o", "out"],
        ["evaluate", "none.sablier", "--good", "digits", "--bad", "digits"],
        ["compare", "none.sablier", "--good", "digits", "--bad", "digits"],
        ["calibrate", "none.sablier", "digits"],
        ["update", "none.sablier", "digits"],
        ["info", "none.sablier"],
    ],
)
def test_a_missing_model_says_how_to_make_one(sablier, arguments):
    done = sablier(*arguments)
    assert done.code == 2
    assert "there is no model file none.sablier. Train one with: sablier train" in done.err
    assert os.listdir() == []


@pytest.mark.parametrize("verb", ["train", "detect", "calibrate", "evaluate", "preview"])
@pytest.mark.parametrize(("source", "message"), [("nowhere", "no such file or folder"), ("empty", "The folder is empty.")])
def test_a_source_without_images_is_said_so(sablier, model, verb, source, message, tmp_path):
    (tmp_path / "empty").mkdir()
    before = model.read_bytes()
    arguments = {
        "train": ["train", source, "-o", "x.sablier"],
        "detect": ["detect", model, source, "-o", "out"],
        "calibrate": ["calibrate", model, source],
        "evaluate": ["evaluate", model, "--good", source, "--bad", "digits"],
        "preview": ["data", "preview", source],
    }[verb]
    done = sablier(*arguments)
    assert done.code == 2
    assert message in done.err
    assert model.read_bytes() == before
    assert {"x.sablier", "preview.png"} & set(os.listdir()) == set()


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "text", "png", "folder", "checkpoint"])
def test_a_model_file_that_is_none_is_refused(sablier, model, damage, tmp_path):
    whole = model.read_bytes()
    if damage == "cut":
        model.write_bytes(whole[:1000])
    elif damage == "bit":
        altered = bytearray(whole)
        altered[len(whole) // 2] ^= 1
        model.write_bytes(bytes(altered))
    elif damage == "empty":
        model.write_bytes(b"")
    elif damage == "text":
        model.write_text("a model, honestly")
    elif damage == "png":
        Image.new("L", (8, 8)).save(tmp_path / "a.png")
        model = tmp_path / "a.png"
    elif damage == "folder":
        model = tmp_path
    else:
        from sablier.training.checkpoint import Checkpoint

        Checkpoint(epoch=0, model={}, average={}, optimizers={}, history={}, identity={}).save(model)
    for arguments in (
        ["detect", model, "digits:test", "-o", "out"],
        ["info", model],
        ["calibrate", model, "digits:test"],
        ["update", model, "digits:test"],
    ):
        done = sablier(*arguments)
        assert done.code == 2
        assert any(word in done.err for word in ("is not a sablier", "was altered", "cannot be read"))
    assert not Path("out").exists()


def test_unreadable_images_are_listed_and_counted(sablier, model, folder):
    done = sablier("train", folder, "-o", "x.sablier", *TINY)
    assert done.code == 0
    assert "was trained on 12 images" in done.out
    assert "skipped torn.png: " in done.out
    assert "skipped zero.png: " in done.out
    assert "2 unreadable images" in sablier("info", "x.sablier").out

    done = sablier("detect", model, folder, "-o", "out", "--no-report")
    assert done.code == 0
    assert "skipped torn.png: " in done.out
    assert "skipped zero.png: " in done.out

    done = sablier("evaluate", model, "--good", folder, "--bad", "digits:test[label=1]")
    assert done.code == 0
    assert "12 good and" in done.out
    assert "skipped torn.png: " in done.out

    sablier("train", "digits[label=5]", "-o", "other.sablier", *TINY)
    done = sablier("calibrate", "other.sablier", folder, "-o", "y.sablier")
    assert done.code == 0
    assert "on 12 fresh images" in done.out
    assert "2 unreadable and skipped: " in done.out


def test_a_hundred_unreadable_images_are_counted_rather_than_listed(sablier, model, folder):
    for index in range(100):
        (folder / f"bad{index}.png").write_bytes(b"")
    done = sablier("detect", model, folder, "-o", "out", "--no-report")
    assert done.code == 0
    assert done.out.count("skipped ") == 10
    assert "... and 92 more, listed in detections.json" in done.out


@pytest.mark.parametrize("bad", ["torn.png", "zero.png"])
def test_strict_stops_at_an_unreadable_image(sablier, model, folder, bad):
    (folder / ("zero.png" if bad == "torn.png" else "torn.png")).unlink()
    for arguments in (
        ["train", folder, "-o", "x.sablier", *TINY],
        ["detect", model, folder, "-o", "out"],
        ["evaluate", model, "--good", folder, "--bad", "digits:test"],
        ["calibrate", model, folder],
    ):
        done = sablier(*arguments, "--strict")
        assert done.code == 2
        assert bad in done.err
    assert not Path("x.sablier").exists()


def test_images_of_another_size_than_the_models(sablier, model):
    for arguments in (
        ["detect", model, "glyphs:test", "-o", "out", "--no-report"],
        ["calibrate", model, "glyphs:test"],
        ["evaluate", model, "--good", "glyphs:test", "--bad", "digits:test"],
    ):
        done = sablier(*arguments)
        assert done.code == 2
        assert "expected images of 8 x 8, as the model was trained on, got 28 x 28" in done.err


def test_too_few_images(sablier):
    np.save("seven.npy", np.zeros((7, 8, 8), np.uint8))
    done = sablier("train", "seven.npy", "-o", "x.sablier")
    assert done.code == 2
    assert "expected at least 8 images to train on, got 7" in done.err


def test_an_output_that_is_a_folder(sablier, model, tmp_path):
    (tmp_path / "there").mkdir()
    done = sablier("train", "digits", "-o", "there")
    assert done.code == 2
    assert "there is a folder. Name a file, for example -o there/model.sablier" in done.err
    for arguments in (
        ["calibrate", model, "digits:test[label=3]", "-o", "there"],
        ["evaluate", model, "--good", "digits:test[label=3]", "--bad", "digits:test[label=1]", "-o", "there"],
        ["data", "preview", "digits", "-o", "there"],
    ):
        done = sablier(*arguments)
        assert done.code == 2
        assert "there is a folder. Name a file, for example -o there/" in done.err
    assert os.listdir("there") == []


def test_an_output_that_is_a_file(sablier, model):
    before = model.read_bytes()
    done = sablier("detect", model, "digits:test", "-o", "m.sablier")
    assert done.code == 2
    assert "m.sablier cannot be written" in done.err
    assert model.read_bytes() == before


def test_to_resume_with_other_settings(sablier, monkeypatch):
    from sablier.training import loop

    def interrupt(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(loop._Run, "_validate", interrupt)
        done = sablier("train", "digits[label=3]", "-o", "x.sablier", *TINY)
    assert done.code == 130
    assert "run the same command with --resume" in done.err
    done = sablier("train", "digits[label=3]", "-o", "x.sablier", "--resume", *TINY, "--set", "learning_rate=0.001")
    assert done.code == 2
    assert "the checkpoint is of another run: its fit differ. Repeat the command that was stopped" in done.err
    assert sablier("train", "digits[label=3]", "-o", "x.sablier", "--resume", *TINY).code == 0


def test_a_loss_that_explodes(sablier):
    settings = ["optimizer=sgd", "learning_rate=100", "gradient_clip=0", "schedule=constant", "epochs=60"]
    done = sablier("train", "digits[label=3]", "-o", "x.sablier", *TINY, *[word for each in settings for word in ("--set", each)])
    assert done.code == 2
    assert "the loss became infinite or not a number in epoch" in done.err
    assert "Lower the learning rate, for example --set learning_rate=3e+01" in done.err
    assert not Path("x.sablier").exists()


@pytest.mark.parametrize("shape", ["axb", "20", "20x", "x", "0x5", "-3x4", "2x3x4x5"])
def test_a_shape_that_is_none(sablier, shape, tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(",".join(["7"] * 20) for _ in range(9)))
    done = sablier("train", "a.csv", "-o", "x.sablier", "--shape", shape, *TINY)
    assert done.code == 2
    assert done.err


def test_an_option_that_means_nothing_for_the_source(sablier):
    done = sablier("train", "digits", "-o", "x.sablier", "--label-column", "0")
    assert done.code == 2
    assert "label_column means nothing for a source of kind named set" in done.err


@pytest.mark.parametrize("arguments", [["train", "digits"], ["detect"], ["evaluate", "m.sablier"], ["compare"], ["info"]])
def test_what_is_missing_is_named(sablier, arguments):
    done = sablier(*arguments)
    assert done.code == 2
    assert "Missing" in done.err

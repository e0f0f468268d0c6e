"""Every verb does its work."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from listing import DETECTED, visible
from PIL import Image
from typer.core import TyperOption

from sablier.cli import panels, recipes
from sablier.cli.main import app
from sablier.images import read_images
from sablier.images.imageset import ImageSet
from sablier.modelfile import ModelFile

MEMBERS = ["--set", "members=restoration,transformations,closed-form", "--set", "transformations.width=4"]
TINY = ["--tier", "tiny", *MEMBERS, "--set", "epochs=2", "--set", "folds=2", "--set", "width=8"]
GOOD, BAD = "digits:test[label=3]", "digits:test[label!=3]"


def verbs() -> list[list[str]]:
    """Return every verb, also those of groups, as the words one types."""
    found = []

    def walk(command, words):
        for name, inner in getattr(command, "commands", {}).items():
            found.append([*words, name])
            walk(inner, [*words, name])

    walk(typer.main.get_command(app), [])
    return found


def test_the_whole_job(sablier):
    done = sablier("train", "digits[label=3]", "-o", "m.sablier", *TINY)
    assert done.code == 0
    assert "m.sablier was trained on" in done.out
    assert "of good images will be flagged" in done.out
    assert "Next: sablier detect m.sablier" in done.out
    assert re.search(r"about \d+ s for 155 images of 8 x 8, 2 folds; tier tiny", done.err)
    assert "loss" not in done.err

    done = sablier("detect", "m.sablier", "digits:test", "-o", "out", "--no-report", "--alpha", "0.1")
    assert done.code == 0
    assert "of 360 images are flagged" in done.out
    assert "the baselines flag: pca" in done.out
    assert "See out/detections.csv" in done.out
    assert json.loads(Path("out/detections.json").read_text())["alpha"] == 0.1

    done = sablier("evaluate", "m.sablier", "--good", GOOD, "--bad", BAD)
    assert done.code == 0
    assert all(word in done.out for word in ("AUROC", "false alarms", "missed", "sablier", "pca", "knn"))

    done = sablier("calibrate", "m.sablier", GOOD, "-o", "fresh.sablier")
    assert done.code == 0
    assert "fresh.sablier is calibrated on" in done.out
    assert sorted(name for name in os.listdir() if ".filtered." not in name) == ["fresh.sablier", "m.sablier", "out"]

    sablier("train", "digits[label=3]", "-o", "other.sablier", *TINY, "--set", "epochs=1", "--seed", "1")
    done = sablier("compare", "m.sablier", "other.sablier", "--good", GOOD, "--bad", BAD)
    assert done.code == 0
    assert all(word in done.out for word in ("epochs", "seed", "m.sablier", "other.sablier", "pca (baseline)"))


def test_a_detector_without_a_network(sablier):
    done = sablier(
        "train",
        "digits[label=3]",
        "-o",
        "m.sablier",
        "--tier",
        "tiny",
        "--set",
        "folds=2",
        "--set",
        "contamination_filter=yes",
        "--profile",
    )
    assert done.code == 0
    assert re.search(r"m\.sablier was trained on \d+ images in [\d.]+ s, tier tiny\.", done.out)
    assert "there are no steps to profile" in done.out
    assert "excluded from training (contamination filter)." in done.out
    assert "Review them in m.filtered.png (m.filtered.csv lists all)" in done.out.replace("\n", " ")
    done = sablier("info", "m.sablier")
    assert done.code == 0
    assert "closed-form: no network" in done.out
    assert "layers" not in done.out


def test_detect_with_a_report(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test[label=5]", "-o", "out")
    assert done.code == 0
    assert "See out/report.html" in done.out
    assert visible("out") == DETECTED


def test_evaluate_with_a_report(sablier, digits_file):
    done = sablier("evaluate", digits_file, "--good", GOOD, "--bad", BAD, "-o", "evaluation.html")
    assert (done.code, sorted(os.listdir())) == (0, ["evaluation.html", "evaluation_files"])


def test_the_job_on_glyphs_with_defects(sablier):
    assert sablier("train", "glyphs:test[bold=False;label=A,B]", "-o", "g.sablier", *TINY).code == 0
    done = sablier("detect", "g.sablier", "glyphs:test[label=J]", "-o", "out", "--no-report")
    assert done.code == 0
    assert "images are flagged" in done.out


def test_calibrate_replaces_the_model_where_no_other_is_named(sablier, digits_file):
    shutil.copy(digits_file, "m.sablier")
    assert sablier("calibrate", "m.sablier", GOOD).code == 0
    assert os.listdir() == ["m.sablier"]
    assert "fresh images" in ModelFile.load(Path("m.sablier")).provenance.calibrated


def test_info(sablier, digits_file):
    done = sablier("info", digits_file)
    assert done.code == 0
    assert all(word in done.out for word in ("bottleneck", "parameters", "trained on", "fingerprint", "alpha 5%:", "layers"))


def test_info_shows_names_as_they_are(sablier, digit_threes, tmp_path):
    # Brackets are no markup, and :train: is no emoji.
    folder = tmp_path / "good[red]:train:"
    folder.mkdir()
    from PIL import Image

    for index, image in enumerate(digit_threes.take(range(12))):
        Image.fromarray(image[..., 0]).save(folder / f"{index}.png")
    (folder / "[b]torn[x].png").write_bytes(b"")
    done = sablier("train", folder, "-o", "a[b].sablier", *TINY)
    assert done.code == 0
    assert "skipped [b]torn[x].png" in done.out
    assert "a[b].sablier was trained on 12 images" in done.out
    assert "good[red]:train:" in sablier("info", "a[b].sablier").out.replace(" ", "")


def test_doctor(sablier):
    done = sablier("doctor")
    assert done.code == 0
    assert all(word in done.out for word in ("torch", "device", "GFLOP/s", "data sets"))


def test_data_list_get_and_preview(sablier):
    done = sablier("data", "list")
    assert done.code == 0
    assert all(name in done.out for name in ("digits", "glyphs", "mnist", "fashion-mnist", "notmnist", "cifar10"))
    done = sablier("data", "get", "digits")
    assert done.code == 0
    assert "digits:train: ImageSet(1437 images" in done.out
    done = sablier("data", "preview", "digits", "-o", "sheet.png", "--count", "9")
    assert done.code == 0
    assert "images 1,437" in done.out
    assert "See sheet.png: 9 of the images." in done.out
    assert len(read_images("sheet.png")) == 1


def test_recipes_are_listed_one_a_line(sablier, capsys):
    from sablier.recipes.names import TIERS, recipe_words

    recipes.recipes()
    lines = capsys.readouterr().out.splitlines()
    words = recipe_words()
    rows = {
        line.split()[0]: line.split(maxsplit=1 + len(TIERS)) for line in lines if line.split(maxsplit=1)[:1] and line[0] != " "
    }
    assert {name: rows[name][-1] for name in words} == words
    minutes = [each for name in words for each in rows[name][1:-1] if each != "-"]
    assert len(minutes) > 8
    assert all(float(each.removeprefix("<")) > 0 for each in minutes)
    assert lines[1].split()[1:5] == list(TIERS)
    help_text = sablier("train", "--help").out
    assert "sablier recipes" in help_text
    assert "classifier-robust" not in help_text


def test_codes_are_there_to_embed_cluster_and_map(sablier):
    done = sablier("train", "digits", "-o", "m.sablier", "--recipe", "representation", "--tier", "tiny", "--set", "epochs=1")
    assert done.code == 0
    for verb in ("embed", "cluster", "map"):
        assert f"Next: sablier {verb} m.sablier IMAGES -o " in done.out


def test_course_list(sablier):
    done = sablier("course", "list")
    assert done.code == 0
    assert "anomaly" in done.out
    assert "letters" in done.out


@pytest.mark.public
def test_course_anomaly(sablier, public_data):
    if not (public_data / "mnist").is_dir():
        pytest.skip("there is no mnist under SABLIER_DATA")
    done = sablier("course", "anomaly", "-o", "lesson", "--set", "epochs=1")
    assert done.code == 0
    assert all(word in done.out for word in ("1,132,944", "0.0616", "0.0612", "0.738", "0.0218", "0.962", "0.0687"))
    assert visible(Path("lesson")) == ["anomaly.html"]


def test_version(sablier):
    assert sablier("--version").out.startswith("sablier 0.")


def test_a_triage(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test", "-o", "out", "--reject-alpha", "0.02", "--review-alpha", "0.3")
    assert done.code == 0
    assert " rejected, " in done.out
    assert "Of 1,000 good images about 20 will be rejected and 280 sent to a person; 700 pass." in done.out
    for wrong, said in {
        ("--review-alpha", "0.1"): "expected --reject-alpha as well",
        ("--reject-alpha", "0.01", "--alpha", "0.1"): "expected --review-alpha beside it, got --alpha",
        ("--reject-alpha", "0.01", "--fdr", "0.1"): "expected --review-alpha beside it, got --fdr",
        ("--reject-alpha", "0.1"): "expected a false-alarm rate of rejection below that of review, got 10% and 5%",
    }.items():
        refused = sablier("detect", digits_file, "digits:test", "-o", "out", *wrong)
        assert refused.code == 2
        assert said in refused.err


def test_too_few_images_for_alpha_are_scored_without_a_verdict(sablier, digits_file):
    done = sablier("detect", digits_file, "digits:test", "-o", "out", "--no-report", "--alpha", "0.001")
    assert done.code == 0
    assert "360 images scored" in done.out
    assert "it would take 999" in done.out
    done = sablier("compare", digits_file, digits_file, "--good", GOOD, "--bad", BAD, "--alpha", "0.001")
    assert done.out.count("undetermined") == 8  # two models and two baselines, two rates each


def test_the_pattern_that_the_help_shows_works_as_it_is_shown():
    from sablier.cli import options
    from sablier.images.grouping import parse_groups

    shown = re.search(r"'(regex:[^']+)'", options.Groups.__metadata__[0].help)[1]  # type: ignore[attr-defined]
    images = ImageSet(np.zeros((3, 8, 8), np.uint8), ids=np.array(["part1-a.png", "part1-b.png", "part22-a.png"]))
    assert parse_groups(shown).names(images).tolist() == ["part1", "part1", "part22"]


@pytest.mark.parametrize("words", [[], *verbs()], ids=" ".join)
def test_help_has_an_example(sablier, words):
    done = sablier(*words, "--help")
    assert done.code == 0
    is_group = len(words) == 1 and words[0] in ("data", "course")
    assert is_group or f"sablier {' '.join(words)}" in done.out.replace("Usage: sablier", "")
    assert is_group or not words or "Example:" in done.out


def test_every_verb_is_in_a_panel(sablier):
    known = [panels.DETECT, panels.EXPLORE, panels.CLASSIFY, panels.DENOISE, panels.MODELS, panels.COURSE]
    command: Any = typer.main.get_command(app)
    assert {inner.rich_help_panel for inner in command.commands.values()} == set(known)
    shown = sablier("--help").out
    places = [shown.index(f" {panel} ") for panel in known]
    assert places == sorted(places)
    assert " Commands " not in shown


@pytest.mark.parametrize("words", [[], *verbs()], ids=" ".join)
def test_no_option_shows_the_type_of_the_parser(words):
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    options = [param for param in command.get_params(typer.Context(command)) if isinstance(param, TyperOption)]
    assert [param.name for param in options if param.metavar is None] == []
    assert [param.name for param in options if param.min is not None or param.max is not None] == []


def test_an_option_says_which_numbers_it_takes(sablier):
    done = sablier("data", "preview", "digits", "--count", "401")
    assert (done.code, "expected a whole number from 1 to 400, got 401" in done.err) == (2, True)
    done = sablier("train", "digits", "-o", "m.sablier", "--threads", "-1")
    assert (done.code, "expected a whole number from 0 on, got -1" in done.err) == (2, True)


def test_the_issue_lists_these_verbs():
    single = {"train", "detect", "evaluate", "calibrate", "update", "watch"}
    single |= {"denoise", "reconstruct", "info", "compare", "doctor"}
    assert single <= {words[0] for words in verbs()}
    grouped = {("data", "list"), ("data", "get"), ("data", "preview")}
    grouped |= {("course", "list"), ("course", "anomaly"), ("course", "letters")}
    assert grouped <= set(map(tuple, verbs()))


def test_preview_counts_each_unreadable_file_once(sablier, tmp_path):
    for index in range(4):
        Image.fromarray(np.random.default_rng(index).integers(0, 256, (40, 40, 3), np.uint8)).save(f"good{index}.png")
    whole = Path("good0.png").read_bytes()
    Path("headless.png").write_bytes(b"nothing")  # seen when the folder is read
    Path("torn.png").write_bytes(whole[: len(whole) // 2])  # seen when it is decoded
    done = sablier("data", "preview", tmp_path, "-o", tmp_path.parent / f"{tmp_path.name}-sheet.png")
    assert done.code == 0
    assert "unreadable 2" in done.out

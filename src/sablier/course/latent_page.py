"""The page of lesson 3."""

from collections.abc import Sequence

import numpy as np

from sablier.course.common_blocks import layers_table, losses_picture, page_of
from sablier.course.face_codes import ENDS, Faces
from sablier.course.face_codes import HELD_OUT as HELD_OUT_SHAPE
from sablier.course.language import Words
from sablier.course.latent_study import Lesson
from sablier.course.letter_codes import HELD_OUT as HELD_OUT_FAMILY
from sablier.course.letter_codes import Letters
from sablier.course.sums import Sums
from sablier.images.faces import COMBINATIONS
from sablier.images.glyphs import LETTERS
from sablier.metrics import psnr
from sablier.report.pictures import as_rgb
from sablier.report.sections import Block, Exercise, Images, Picture, Section, SectionPage, Table, Text
from sablier.report.strips import interpolation_animation
from sablier.typing import Array


def latent_page(lesson: Lesson, words: Words) -> SectionPage:
    """Return the page of the lesson's results."""
    letters, faces = lesson.letters, lesson.faces
    code = (
        "from sablier.course.language import Words\n"
        "from sablier.course.latent_page import latent_page\n"
        "from sablier.course.latent_study import study\n\n"
        f"lesson = study(tier={lesson.tier!r}, settings={list(lesson.settings)!r})\n"
        f'page = latent_page(lesson, Words("latent", {words.language!r}))'
    )
    sections = [
        _data(lesson, words),
        _network(lesson, words),
        _pca(letters, faces, words),
        _averages(letters, faces, words),
        _face_sums(faces, words),
        _letter_sums(letters, words),
        _interpolation(letters, faces, words),
        _augmentation(letters, words),
        _exercises(words),
    ]
    mean = faces.sums["mean"]
    tiles = [
        (words("tiles.ratio"), words.number(mean.error_ratio, ".2f")),
        (words("tiles.right"), words.number(mean.right, ".0%")),
        (words("tiles.letters"), words.number(letters.sums["nine"].right_by_code, ".0%")),
        (words("tiles.numbers"), words.number(faces.numbers)),
    ]
    headline = words("page.headline", right=words.number(mean.right, ".0%"))
    return page_of(words, "latent", headline, sections, tiles=tiles, code=code)


def _rgb(images: Array) -> list[Array]:
    return [as_rgb(image) for image in images]


def _data(lesson: Lesson, words: Words) -> Section:
    letters, faces = lesson.letters, lesson.faces
    text = words(
        "data.text", letters=words.number(letters.trained_on), faces=words.number(faces.trained_on), family=HELD_OUT_FAMILY,
        shape=words(f"data.{HELD_OUT_SHAPE}"),
    )  # fmt: skip
    by_shape = {
        words(f"data.{shape}"): _rgb(faces.samples[[traits.shape == shape for traits in COMBINATIONS]])
        for shape in ("round", "angular")
    }
    heads = [words(f"data.{hair}") for hair in ("short", "long") for _ in range(4)]
    masks = [as_rgb(mask[..., None].astype(float)) for mask in faces.masks]
    damaged = {words("data.defects"): _rgb(faces.defective), words("data.masks"): masks}
    return Section(
        "data",
        words("data.title"),
        [
            Text(text),
            Images(by_shape, heads, words("data.caption")),
            Text(words("data.shapes")),
            Images(damaged, caption=words("data.defects_caption")),
        ],
    )


def _network(lesson: Lesson, words: Words) -> Section:
    letters, faces = lesson.letters, lesson.faces
    text = words("network.text", numbers=letters.numbers, pixels=words.number(letters.pixels), face=words.number(faces.pixels))
    return Section(
        "network",
        words("network.title"),
        [
            Text(text),
            layers_table(letters.layers, words),
            losses_picture([letters.rows], words, words("network.letters_alt")),
            losses_picture([faces.rows], words, words("network.faces_alt")),
        ],
    )


def _pca(letters: Letters, faces: Faces, words: Words) -> Section:
    rows = [
        [words(f"pca.{name}"), *(words("decibels", value=words.number(psnr(mse), ".1f")) for mse in (each.mse, each.pca_mse))]
        for name, each in (("letters", letters), ("faces", faces))
    ]
    blocks: list[Block] = [
        Text(words("pca.text", numbers=letters.numbers)),
        Table([words("pca.images"), words("pca.net"), words("pca.pca")], rows, words("pca.caption")),
    ]
    for each in (letters, faces):
        three = (("pca.real", each.real), ("pca.net", each.again), ("pca.pca", each.by_pca))
        blocks.append(Images({words(name): _rgb(images) for name, images in three}))
    return Section("pca", words("pca.title"), blocks)


def _averages(letters: Letters, faces: Faces, words: Words) -> Section:
    text = words(
        "averages.text", letters_right=letters.averages_right, letters=len(LETTERS), faces_right=faces.averages_right,
        faces=len(faces.averages),
    )  # fmt: skip
    blocks: list[Block] = [
        Text(text, spoken=True),
        Images({words("averages.letters"): _rgb(letters.averages)}, list(LETTERS)),
        Images({words("averages.faces"): _rgb(faces.averages)}),
    ]
    return Section("averages", words("averages.title"), blocks)


def _face_sums(faces: Faces, words: Words) -> Section:
    rows = [
        [
            words(f"faces.{name}"), *_errors(sums, words)[2:], words.number(faces.pixel_ratio[name], ".2f"),
            words.number(sums.right, ".0%"), words.number(sums.right_by_code, ".0%"),
        ]
        for name, sums in faces.sums.items()
    ]  # fmt: skip
    columns = [words(f"sums.{name}") for name in ("glasses_of", "ratio", "lowest")]
    columns += [words("faces.pixel_ratio"), words("sums.right_by_pixels"), words("sums.right")]
    mean = faces.sums["mean"]
    shape = words(f"data.{HELD_OUT_SHAPE}")
    names = ("bare", "one", "mean", "pixels", "truth")
    pictures = Images({words(f"face_rows.{name}"): _rgb(faces.sum_rows[name]) for name in names}, caption=words("faces.rows"))
    found = words(
        "faces.found", ratio=words.number(mean.error_ratio, ".2f"), right=words.number(mean.right, ".0%"),
        pixels=words.number(faces.pixel_ratio["mean"], ".2f"),
    )  # fmt: skip
    return Section(
        "faces",
        words("faces.title"),
        [
            Text(words("faces.text", shape=shape)),
            pictures,
            Table(columns, rows, words("faces.caption", shape=shape)),
            Text(found, spoken=True),
        ],
    )


def _errors(sums: Sums, words: Words) -> list[str]:
    """Return the error, that of doing nothing, their ratio, and the lowest ratio that there can be."""
    errors = [words.number(value, ".4f") for value in (sums.error, sums.nothing)]
    return [*errors, *(words.number(value, ".2f") for value in (sums.error_ratio, sums.floor_ratio))]


def _letter_sums(letters: Letters, words: Words) -> Section:
    rows = [
        [
            words(f"letters.{name}"), *_errors(sums, words), words.number(sums.right_by_code, ".0%"),
            words.number(sums.right, ".0%"),
        ]
        for name, sums in letters.sums.items()
    ]  # fmt: skip
    columns = [words("letters.a")]
    columns += [words(f"sums.{name}") for name in ("mse", "before", "ratio", "lowest", "right", "right_by_pixels")]
    pictures = {words(f"letter_rows.{name}"): _rgb(images) for name, images in letters.sum_rows.items()}
    return Section(
        "letters",
        words("letters.title"),
        [
            Text(words("letters.text", family=HELD_OUT_FAMILY)),
            Images(pictures),
            Table(columns, rows, words("letters.caption", family=HELD_OUT_FAMILY)),
            Text(words("letters.found")),
        ],
    )


def _interpolation(letters: Letters, faces: Faces, words: Words) -> Section:
    found = {words(f"interpolation.{curve}"): letters.interpolations[curve] for curve in ("linear", "spherical")}
    strips = {name: _rgb(each.images) for name, each in found.items()}
    found[words("interpolation.faces")] = faces.interpolation
    rows = [
        [name, words.number(float(each.steps.mean()), ".3f"), words.number(each.unevenness or 0.0, ".2f")]
        for name, each in found.items()
    ]
    animation = Picture(interpolation_animation(faces.frames), words("interpolation.alt", first=ENDS[0], last=ENDS[1]))
    return Section(
        "interpolation",
        words("interpolation.title"),
        [
            Text(words("interpolation.text")),
            Images({words("interpolation.faces"): _rgb(faces.interpolation.images)}),
            Images(strips),
            animation,
            Table(
                [words("interpolation.name"), words("interpolation.step"), words("interpolation.largest")],
                rows,
                words("interpolation.caption"),
            ),
        ],
    )


def _augmentation(letters: Letters, words: Words) -> Section:
    found = letters.augmented
    means = {way: float(np.mean(values)) for way, values in found.accuracy.items()}
    rows = [
        [words(f"augmentation.{way}"), words.number(means[way], ".1%"), words.number(float(np.std(values, ddof=1)), ".1%")]
        for way, values in found.accuracy.items()
    ]
    columns = [words(f"augmentation.{name}") for name in ("added", "accuracy", "deviation")]
    draws = len(found.accuracy["nothing"])
    text = words("augmentation.text", labelled=found.labelled, added=found.added, draws=draws)
    told = words("augmentation.found", **{way: words.number(value, ".1%") for way, value in means.items()})
    return Section(
        "augmentation",
        words("augmentation.title"),
        [Text(text), Table(columns, rows, words("augmentation.caption")), Text(told, spoken=True)],
    )


def _exercises(words: Words) -> Section:
    commands: dict[str, Sequence[str]] = {
        "sum": [
            "sablier train 'faces[label!=angular-short-glasses-neutral]' -o faces.sablier --recipe autoencoder",
            "sablier combine faces.sablier --add 'faces[label=round-short-glasses-neutral]' "
            "--add 'faces[label=angular-short-bare-neutral]' --subtract 'faces[label=round-short-bare-neutral]' -o sum.png",
        ],
        "smile": [
            "sablier combine faces.sablier --add 'faces[smile=True]' --add 'faces:test[label=round-long-bare-neutral]' "
            "--subtract 'faces[smile=False]' -o smile.png",
        ],
        "short": ["sablier course latent --set latent=8"],
        "noise": ["sablier course letters --noise 0.5"],
        "defects": [
            "sablier train faces -o detector.sablier",
            "sablier evaluate detector.sablier --good 'faces:test[defect=none]' --bad 'faces:test[defect!=none]'",
        ],
    }
    exercises = [
        Exercise(words(f"exercises.{name}"), lines, words(f"exercises.{name}_answer")) for name, lines in commands.items()
    ]
    return Section("exercises", words("exercises.title"), exercises, words("answer"))

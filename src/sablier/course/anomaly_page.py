"""The page of lesson 1."""

from collections.abc import Sequence

import numpy as np

from sablier.course.anomaly_study import FALSE_ALARMS, Lesson, Run
from sablier.course.common_blocks import layers_table, losses_picture, page_of
from sablier.course.language import Words
from sablier.course.measured import measured
from sablier.report.pictures import FULL_DIFFERENCE, absolute_difference, as_rgb
from sablier.report.section_charts import histogram_picture
from sablier.report.sections import Block, Exercise, Images, Section, SectionPage, Table, Text
from sablier.typing import Array

# What the lesson prints: at its last epoch, and of the first test image. It prints no AUROC.
PRINTED = {"parameters": 1_132_944, "mse": 0.0616, "first": 0.0687}
# Of its code, run here as printed and with equal shapes.
RUN_HERE = {"as printed": {"mse": 0.0612, "auroc": 0.738}, "equal shapes": {"mse": 0.0218, "auroc": 0.962}}
SHOWN = 5  # normal images, and as many others


def anomaly_page(lesson: Lesson, words: Words) -> SectionPage:
    """Return the page of the lesson's results."""
    run = lesson.runs[0]
    code = (
        "from sablier.course.anomaly_page import anomaly_page\n"
        "from sablier.course.anomaly_study import study\n"
        "from sablier.course.language import Words\n\n"
        f"lesson = study(data={lesson.data!r}, normal={lesson.normal!r}, seeds={len(lesson.runs)}, "
        f"settings={list(lesson.settings)!r})\n"
        f'page = anomaly_page(lesson, Words("anomaly", {words.language!r}))'
    )
    sections = [
        _data(lesson, words),
        _network(lesson, words),
        _training(lesson, words),
        _figures(lesson, words),
        _first(lesson, run, words),
        _reconstructions(lesson, run, words),
        _errors(lesson, run, words),
        _groups(lesson, words),
        _compression(lesson, words),
        _exercises(words),
    ]
    tiles = [
        (words("tiles.auroc"), words.number(lesson.auroc, ".3f")),
        (words("tiles.mse"), words.number(lesson.validation_mse, ".4f")),
        (words("tiles.images"), words.number(lesson.trained_on)),
        (words("tiles.parameters"), words.number(lesson.parameters)),
    ]
    headline = words("page.headline", normal=lesson.normal, auroc=words.number(lesson.auroc, ".3f"))
    return page_of(words, "anomaly", headline, sections, tiles=tiles, code=code)


def _data(lesson: Lesson, words: Words) -> Section:
    samples = Images(
        {words("data.row", normal=lesson.normal): [as_rgb(image) for image in lesson.samples]},
        [words("data.label", label=label) for label in lesson.sample_labels],
    )
    text = words(
        "data.text", normal=lesson.normal, data=lesson.data, count=words.number(lesson.trained_on),
        tests=words.number(len(lesson.tests)),
    )  # fmt: skip
    return Section("data", words("data.title"), [Text(text), samples])


def _network(lesson: Lesson, words: Words) -> Section:
    text = words("network.text", parameters=words.number(lesson.parameters), printed=words.number(PRINTED["parameters"]))
    return Section("network", words("network.title"), [Text(text), layers_table(lesson.layers, words)])


def _training(lesson: Lesson, words: Words) -> Section:
    losses = losses_picture([run.history.rows for run in lesson.runs], words, words("training.alt"))
    return Section("training", words("training.title"), [Text(words("training.text")), losses])


def _figures(lesson: Lesson, words: Words) -> Section:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else words.number(value, form)

    seven = [number(measured("anomaly", variant, "first").mean, ".4f") for variant in ("as printed", "equal shapes")]
    printed, equal = RUN_HERE.values()
    parameters = number(PRINTED["parameters"], ",")
    rows = [
        [words("figures.parameters"), parameters, parameters, parameters, number(lesson.parameters, ",")],
        [words("figures.mse"), *(number(each["mse"], ".4f") for each in (PRINTED, printed, equal)),
         number(lesson.validation_mse, ".4f")],
        [words("figures.auroc"), "", *(number(each["auroc"], ".3f") for each in (printed, equal)), number(lesson.auroc, ".3f")],
        [words("figures.first", label=lesson.labels[0]), number(PRINTED["first"], ".4f"), *seven,
         number(lesson.first_error, ".4f")],
        [words("figures.pca"), "", "", "", number(lesson.auroc_pca, ".3f")],
        [words("figures.seconds"), "", "", "", number(lesson.seconds, ".1f")],
    ]  # fmt: skip
    columns = [words(f"figures.{name}") for name in ("measure", "prints", "run", "equal")]
    ours = words("sablier_column", seeds=len(lesson.runs))
    spreads = {
        f"{short}_{figure}": words("spread", mean=number(found.mean, form), deviation=number(found.deviation, form))
        for short, variant in (("printed", "as printed"), ("equal", "equal shapes"))
        for figure, form in (("mse", ".4f"), ("auroc", ".3f"))
        for found in [measured("anomaly", variant, figure)]
    }
    count = measured("anomaly", "as printed", "mse").count
    blocks: list[Block] = [
        Table([*columns, ours], rows, words("figures.caption", normal=lesson.normal)),
        Text(words("figures.why"), spoken=True),
        Text(words("figures.spread", count=count, **spreads)),
        Text(words("figures.ours")),
    ]
    return Section("figures", words("figures.title"), blocks)


def _first(lesson: Lesson, run: Run, words: Words) -> Section:
    error = words.number(run.errors[0], ".4f")
    text = words("first.text", label=lesson.labels[0], error=error, printed=words.number(PRINTED["first"], ".4f"))
    image, again = lesson.tests[0], run.again[0]
    pictures = [as_rgb(image), as_rgb(again), absolute_difference(image, again)]
    heads = [words(f"reconstructions.{name}") for name in ("image", "again", "difference")]
    row = Images({words("first.row", label=lesson.labels[0], error=error): pictures}, heads, _scale(words))
    return Section("first-test-image", words("first.title"), [Text(text), row])


def _reconstructions(lesson: Lesson, run: Run, words: Words) -> Section:
    shown = [*np.flatnonzero(lesson.is_normal)[:SHOWN].tolist(), *np.flatnonzero(~lesson.is_normal)[:SHOWN].tolist()]
    return Section(
        "reconstructions",
        words("reconstructions.title"),
        [Text(words("reconstructions.text", normal=lesson.normal)), _pictures(lesson, run, shown, words)],
    )


def _pictures(lesson: Lesson, run: Run, shown: Sequence[int], words: Words) -> Images:
    """Return image, reconstruction and difference of some test images, under their labels and errors."""
    pairs: list[tuple[Array, Array]] = [(lesson.tests[i], run.again[i]) for i in shown]
    return Images(
        {
            words("reconstructions.image"): [as_rgb(image) for image, _ in pairs],
            words("reconstructions.again"): [as_rgb(again) for _, again in pairs],
            words("reconstructions.difference"): [absolute_difference(image, again) for image, again in pairs],
        },
        [f"{lesson.labels[i]}: {words.number(run.errors[i], '.3f')}" for i in shown],
        _scale(words),
    )


def _scale(words: Words) -> str:
    return words("reconstructions.caption", full=words.number(FULL_DIFFERENCE, "g"))


def _errors(lesson: Lesson, run: Run, words: Words) -> Section:
    normal, others = run.errors[lesson.is_normal], run.errors[~lesson.is_normal]
    picture = histogram_picture(
        {
            words("errors.normal", normal=lesson.normal, count=words.number(len(normal))): normal,
            words("errors.others", count=words.number(len(others))): others,
        },
        words("errors.x"),
        words("errors.y"),
        words("errors.alt"),
        threshold=run.threshold,
        threshold_name=words("errors.threshold"),
    )
    text = words(
        "errors.text",
        threshold=words.number(run.threshold, ".4f"),
        rate=words.number(FALSE_ALARMS, ".0%"),
        normal=lesson.normal,
        alarms=words.number(float(np.mean(normal > run.threshold)), ".1%"),
        found=words.number(float(np.mean(others > run.threshold)), ".1%"),
    )
    return Section("errors", words("errors.title"), [Text(text), picture])


def _groups(lesson: Lesson, words: Words) -> Section:
    result = lesson.groups.result
    rows = {
        words("groups.row", number=number + 1, count=size, label=label, share=words.number(share, ".0%")): [
            as_rgb(image) for image in images
        ]
        for number, (size, images, (label, share)) in enumerate(
            zip(result.sizes, lesson.groups.typical, lesson.groups.commonest, strict=True)
        )
    }
    text = words(
        "groups.text",
        count=words.number(len(result)),
        groups=result.count,
        numbers=result.numbers,
        accuracy=words.number(result.accuracy or 0.0, ".0%"),
    )
    return Section("groups", words("groups.title"), [Text(text), Images(rows, caption=words("groups.caption"))])


def _compression(lesson: Lesson, words: Words) -> Section:
    sizes = lesson.sizes
    decibels = [words("decibels", value=words.number(value, ".1f")) for value in (sizes.psnr_exact, sizes.psnr_rounded)]
    rows = [
        [words("compression.pixels"), words.number(sizes.pixels), words("compression.lossless")],
        [words("compression.png"), words.number(sizes.png, ".0f"), words("compression.lossless")],
        [words("compression.exact"), words.number(4 * sizes.code), decibels[0]],
        [words("compression.rounded"), words.number(sizes.code), decibels[1]],
    ]
    columns = [words(f"compression.{name}") for name in ("what", "bytes", "quality")]
    text = words("compression.text", code=sizes.code, pixels=words.number(sizes.pixels))
    return Section("compression", words("compression.title"), [Text(text), Table(columns, rows, words("compression.caption"))])


def _exercises(words: Words) -> Section:
    unet, ours = (measured("anomaly", variant, "auroc").mean for variant in ("unet", "sablier"))
    figures = {
        "unet": words.number(unet, ".3f"),
        "ours": words.number(ours, ".3f"),
        "unet_mse": words.number(measured("anomaly", "unet", "mse").mean, ".4f"),
        "ours_mse": words.number(measured("anomaly", "sablier", "mse").mean, ".4f"),
        "decay": words.number(measured("anomaly", "no weight decay", "auroc").mean, ".3f"),
        "short": words.number(measured("anomaly", "latent 16", "auroc").mean, ".3f"),
        "short_mse": words.number(measured("anomaly", "latent 16", "mse").mean, ".4f"),
    }
    commands = {
        "unet": ["sablier course anomaly --set model=unet"],
        "decay": ["sablier course anomaly --set weight_decay=0"],
        "short": ["sablier course anomaly --set latent=16"],
        "digit": ["sablier course anomaly --normal 3 --seeds 5"],
        "detector": [
            "sablier train 'mnist[label=5]' -o fives.sablier --recipe course-dense",
            "sablier evaluate fives.sablier --good 'mnist:test[label=5]' --bad 'mnist:test[label!=5]'",
        ],
        "codec": [
            "sablier train mnist -o codec.sablier --recipe codec --tier tiny",
            "sablier compress codec.sablier mnist:test -o digits.sabz",
        ],
    }
    exercises = [
        Exercise(words(f"exercises.{name}"), lines, words(f"exercises.{name}_answer", **figures))
        for name, lines in commands.items()
    ]
    return Section("exercises", words("exercises.title"), exercises, words("answer"))

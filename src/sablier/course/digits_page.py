"""The page of lesson 4, classifiers."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sablier.course.backprop import RULES, WEIGHTS
from sablier.course.backprop_drawing import network_drawing
from sablier.course.common_blocks import layers_table, page_of
from sablier.course.digits_study import CONVOLUTIONAL, LINEAR, PRINTED, Lesson
from sablier.course.language import Words
from sablier.course.plain_loop import BATCH, LESSON_WAY, OPTIMIZERS, REDUCTIONS, TEST_BATCH, Curve
from sablier.report.curves import Line
from sablier.report.pictures import as_rgb, signed_colours
from sablier.report.section_charts import lines_picture
from sablier.report.sections import Exercise, Images, Picture, Section, SectionPage, Table, Text
from sablier.typing import Array

NAMES = {LINEAR: "linear", PRINTED: "printed", CONVOLUTIONAL: "convolutional"}
# What the lesson prints for MNIST, as shares: of its linear network after an epoch, and of the convolutional one.
LEVELS = {"levels.linear": 0.90, "levels.convolutional": 0.975}
WORST = 10
STRONG = 0.995  # quantile of weights that is drawn in full colour


def digits_page(lesson: Lesson, words: Words) -> SectionPage:
    """Return the page of the lesson's results."""
    code = (
        "from sablier.course.digits_page import digits_page\n"
        "from sablier.course.digits_study import study\n"
        "from sablier.course.language import Words\n\n"
        f"lesson = study(data={lesson.data!r}, seeds={lesson.seeds}, settings={list(lesson.settings)!r})\n"
        f'page = digits_page(lesson, Words("digits", {words.language!r}))'
    )
    sections = [
        _data(lesson, words),
        _networks(lesson, words),
        _passes(lesson, words),
        _batches(lesson, words),
        _loop(lesson, words),
        _figures(lesson, words),
        _optimizers(lesson, words),
        _weights(lesson, words),
        _filters(lesson, words),
        _pooling(lesson, words),
        _mistakes(lesson, words),
        _exercises(words),
    ]
    best = {name: [row.accuracy for row in lesson.rows if row.net == name] for name in (LINEAR, CONVOLUTIONAL)}
    tiles = [
        (words("tiles.before"), words.number(float(np.mean(lesson.untrained)), ".1%")),
        (words("tiles.one"), words.number(lesson.plain.at(lesson.epoch), ".1%")),
        (words("tiles.linear"), words.number(best[LINEAR][-1], ".1%")),
        (words("tiles.convolutional"), words.number(best[CONVOLUTIONAL][-1], ".1%")),
    ]
    headline = words(
        "page.headline", linear=words.number(best[LINEAR][-1], ".1%"), cnn=words.number(best[CONVOLUTIONAL][-1], ".1%")
    )
    return page_of(words, "digits", headline, sections, tiles=tiles, code=code)


def _data(lesson: Lesson, words: Words) -> Section:
    text = words(
        "data.text", data=lesson.data, count=words.number(lesson.trained_on), tests=words.number(len(lesson.tests)),
        classes=len(lesson.classes),
    )  # fmt: skip
    samples = Images({words("data.row"): [as_rgb(image) for image in lesson.samples]}, lesson.sample_labels)
    return Section("data", words("data.title"), [Text(text), samples])


def _networks(lesson: Lesson, words: Words) -> Section:
    tables = [
        layers_table(lesson.layers[name], words, words(f"networks.{NAMES[name]}", count=words.number(lesson.parameters[name])))
        for name in (LINEAR, CONVOLUTIONAL)
    ]
    return Section("networks", words("networks.title"), [Text(words("networks.text")), *tables])


def _passes(lesson: Lesson, words: Words) -> Section:
    passes = lesson.passes
    drawing = Picture(
        network_drawing(passes, words("passes.value"), words("passes.derivative")), words("passes.alt"), words("passes.caption")
    )
    rows = [
        [name, words.number(passes.values[name], ".4f"), rule, words.number(passes.gradients[name], "+.4f"),
         words.number(passes.stepped[name], ".4f") if name in WEIGHTS else ""]
        for name, rule in RULES.items()
    ]  # fmt: skip
    columns = [words(f"passes.{name}") for name in ("quantity", "number", "rule", "gradient", "stepped")]
    step = words(
        "passes.step", rate=words.number(passes.rate, "g"), before=words.number(passes.values["L"], ".4f"),
        after=words.number(passes.loss_after, ".4f"),
    )  # fmt: skip
    return Section(
        "passes", words("passes.title"),
        [Text(words("passes.text")), drawing, Table(columns, rows, words("passes.table")), Text(step)],
    )  # fmt: skip


def _batches(lesson: Lesson, words: Words) -> Section:
    rates = {name: words.number(way.rate, "g") for name, way in REDUCTIONS.items()}
    curves = {
        words(f"batches.{REDUCTIONS[name].reduction}", rate=rates[name]): curve for name, curve in lesson.reductions.items()
    }
    lines = _lines(curves)
    lines[-1] = replace(lines[-1], dashed=True)  # it covers the first
    picture = lines_picture(lines, words("iterations"), words("accuracy"), words("batches.alt"))
    table = _moments(curves, words("batches.way"), words("batches.caption"), lesson.epoch, words)
    return Section("batches", words("batches.title"), [Text(words("batches.text", batch=BATCH)), picture, table])


def _loop(lesson: Lesson, words: Words) -> Section:
    plain, last = lesson.plain, lesson.plain.iterations[-1]
    rows = [
        [words("loop.before", count=len(lesson.untrained)), "0", "10 %", words.number(float(np.mean(lesson.untrained)), ".1%")],
        [words("loop.one"), words.number(lesson.epoch), "90 %", words.number(plain.at(lesson.epoch), ".1%")],
        [words("loop.plateau"), words.number(last), "90-92 %", words.number(float(np.mean(plain.accuracy[-5:])), ".1%")],
    ]
    columns = [words(f"loop.{name}") for name in ("moment", "iterations", "lesson", "here")]
    picture = lines_picture(_lines({words("names.linear"): plain}), words("iterations"), words("accuracy"), words("loop.alt"))
    text = words(
        "loop.text", tests=words.number(TEST_BATCH), batch=BATCH, rate=words.number(LESSON_WAY.rate, "g"),
        low=words.number(min(lesson.untrained), ".0%"), high=words.number(max(lesson.untrained), ".0%"),
    )  # fmt: skip
    return Section("loop", words("loop.title"), [Text(text), Table(columns, rows, words("loop.caption")), picture])


def _figures(lesson: Lesson, words: Words) -> Section:
    rows = [
        [
            words(f"names.{NAMES[row.net]}"), f"{row.epochs}", words.number(row.iterations), row.printed,
            words.number(row.accuracy, ".2%"), words.number(row.seconds, ".1f") if row.epochs else "",
        ]
        for row in lesson.rows
    ]  # fmt: skip
    columns = [words(f"figures.{name}") for name in ("network", "epochs", "iterations", "lesson")]
    columns += [words("sablier_column", seeds=lesson.seeds), words("figures.seconds")]
    last = max(count for curve in lesson.curves.values() for count in curve.iterations)
    curves = {words(f"names.{NAMES[name]}"): curve for name, curve in lesson.curves.items()}
    wrong = [Line(name, curve.iterations, [max(1 - value, 1e-3) for value in curve.accuracy]) for name, curve in curves.items()]
    wrong += [Line(words(name), [0, last], [1 - level] * 2, dashed=True) for name, level in LEVELS.items()]
    losses = [Line(name, curve.iterations, curve.loss) for name, curve in curves.items()]
    return Section(
        "figures",
        words("figures.title"),
        [
            Table(columns, rows, words("figures.caption")),
            lines_picture(wrong, words("iterations"), words("figures.wrong"), words("figures.wrong_alt"), log=True),
            lines_picture(losses, words("iterations"), words("figures.loss"), words("figures.loss_alt"), log=True),
            Text(words("figures.lengths"), spoken=True),
            Text(words("figures.slips"), spoken=True),
        ],
    )


def _optimizers(lesson: Lesson, words: Words) -> Section:
    curves = {words(f"optimizers.{name}"): curve for name, curve in lesson.optimizers.items()}
    lines = [Line(name, curve.iterations, curve.loss) for name, curve in curves.items()]
    picture = lines_picture(lines, words("iterations"), words("figures.loss"), words("optimizers.alt"), log=True)
    text = words("optimizers.text", **{name: words.number(way.rate, "g") for name, way in OPTIMIZERS.items()})
    table = _moments(curves, words("optimizers.name"), words("optimizers.caption"), lesson.epoch, words)
    return Section("optimizers", words("optimizers.title"), [Text(text), picture, table])


def _moments(curves: Mapping[str, Curve], what: str, caption: str, epoch: int, words: Words) -> Table:
    """Return the accuracies of several trainings early, later and after an epoch."""
    moments = sorted({min(moment, epoch) for moment in (10, 100, epoch)})
    columns = [what, *(words("after", count=words.number(moment)) for moment in moments)]
    rows = [[name, *(words.number(curve.at(moment), ".1%") for moment in moments)] for name, curve in curves.items()]
    return Table(columns, rows, caption)


def _lines(curves: Mapping[str, Curve]) -> list[Line]:
    """Return accuracies in percent by iterations."""
    return [Line(name, curve.iterations, [100 * value for value in curve.accuracy]) for name, curve in curves.items()]


def _weights(lesson: Lesson, words: Words) -> Section:
    full = float(np.quantile(np.abs(lesson.weights), STRONG))
    pictures = [signed_colours(weights, full) for weights in lesson.weights]
    row = Images({words("weights.row"): pictures}, [str(name) for name in lesson.classes], words("weights.caption"))
    return Section("weights", words("weights.title"), [Text(words("weights.text")), row])


def _filters(lesson: Lesson, words: Words) -> Section:
    inside = lesson.inside
    full = float(np.abs(inside.filters).max())
    half = -(-len(inside.filters) // 2)
    filters = [signed_colours(weights, full) for weights in inside.filters]
    rows = {words("filters.first_half"): filters[:half], words("filters.second_half"): filters[half:]}
    image = {words("filters.image"): [as_rgb(inside.image)]}
    shown = {
        words("filters.of_shown"): [filters[number] for number in inside.shown],
        words("filters.first"): _grey(inside.first),
    }
    heads = [words("filters.head", number=number + 1) for number in inside.shown]
    return Section(
        "filters",
        words("filters.title"),
        [
            Text(words("filters.text", count=len(filters))),
            Images(rows, caption=words("filters.caption")),
            Images(image),
            Images(shown, heads, words("filters.maps")),
        ],
    )


def _pooling(lesson: Lesson, words: Words) -> Section:
    inside = lesson.inside
    (height, width), (low, narrow) = inside.second.shape[1:], inside.pooled.shape[1:]
    sizes = {"before": f"{height} x {width}", "after": f"{low} x {narrow}"}
    full = float(np.abs(inside.second).max())
    pooled = {
        words("pooling.second", **sizes): [signed_colours(found, full) for found in inside.second],
        words("pooling.pooled", **sizes): [signed_colours(found, full) for found in inside.pooled],
    }
    dropped = {
        words("pooling.draw", number=number + 1): [signed_colours(found, full / (1 - inside.chance)) for found in maps]
        for number, maps in enumerate(inside.dropped)
    }
    corner = inside.second[0, :4, :4]
    corner_rows = [[words.number(float(value), ".2f") for value in row] for row in corner]
    pool_rows = [[words.number(float(value), ".2f") for value in row] for row in inside.pooled[0, :2, :2]]
    columns = [words("pooling.column", number=number + 1) for number in range(4)]
    return Section(
        "pooling",
        words("pooling.title"),
        [
            Text(words("pooling.text")),
            Images(pooled, caption=words("pooling.caption")),
            Table(columns, corner_rows, words("pooling.corner")),
            Table(columns[:2], pool_rows, words("pooling.corner_pooled")),
            Text(words("pooling.dropout", chance=words.number(inside.chance, ".0%"))),
            Images(dropped, caption=words("pooling.dropped")),
        ],
    )


def _grey(maps: Array) -> list[Array]:
    """Return maps as pictures: black for 0, white for the largest value of each."""
    return [as_rgb(found[..., None] / max(float(found.max()), 1e-12)) for found in maps]


def _mistakes(lesson: Lesson, words: Words) -> Section:
    found = lesson.mistakes
    wrong = np.flatnonzero(found.predicted != found.labels.astype(found.predicted.dtype))
    order = wrong[np.argsort(found.rank[wrong])][:WORST]
    text = words("mistakes.text", wrong=words.number(len(wrong)), tests=words.number(len(found)))
    if not len(order):
        return Section("mistakes", words("mistakes.title"), [Text(text)])
    pictures = [as_rgb(image) for image in lesson.preprocess.to_unit(lesson.tests.take(order).array)]
    heads = [words("mistakes.head", label=found.labels[i], predicted=found.predicted[i]) for i in order]
    return Section("mistakes", words("mistakes.title"), [Text(text), Images({words("mistakes.row"): pictures}, heads)])


def _exercises(words: Words) -> Section:
    commands = {
        "adam": ["sablier course digits --set optimizer=adam --seeds 3"],
        "longer": ["sablier course digits --set epochs=10 --set schedule=constant"],
        "filters": ["sablier train mnist -o small.sablier --recipe course-cnn --set filters=8"],
        "garments": ["sablier course digits --data fashion-mnist -o garments/"],
        "attack": [
            "sablier train mnist -o cnn.sablier --recipe course-cnn",
            "sablier attack cnn.sablier mnist:test --eps 0.1 -n 200 -o attacked/",
        ],
    }
    exercises = [
        Exercise(words(f"exercises.{name}"), lines, words(f"exercises.{name}_answer")) for name, lines in commands.items()
    ]
    return Section("exercises", words("exercises.title"), exercises, words("answer"))

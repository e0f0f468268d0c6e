"""The page of lesson 2."""

from sablier.course.common_blocks import layers_table, losses_picture, page_of
from sablier.course.language import Words
from sablier.course.letters_study import AS_STATED, Lesson, Training
from sablier.course.measured import measured
from sablier.metrics import psnr
from sablier.report.pictures import as_rgb
from sablier.report.sections import Block, Exercise, Images, Section, SectionPage, Table, Text

PRINTED = {"parameters": 314_625}  # the lesson prints no error
# Trainings of the lesson's denoiser on MNIST; those that stay below 10 dB have ended black.
STARTS = (
    "ours seed 0", "ours seed 1", "keras seed 0", "ours seed 1 warm-up", "keras seed 0 warm-up", "ours seed 1 lower rate",
)  # fmt: skip
COMPARED = ("filters=8", "filters=16", "filters=32")  # what the exercise on the architecture measures


def letters_page(lesson: Lesson, words: Words) -> SectionPage:
    """Return the page of the lesson's results."""
    code = (
        "from sablier.course.language import Words\n"
        "from sablier.course.letters_page import letters_page\n"
        "from sablier.course.letters_study import study\n\n"
        f"lesson = study(data={lesson.data!r}, epochs={lesson.epochs}, noise={lesson.noise}, tier={lesson.tier!r}, "
        f"seeds={lesson.seeds}, settings={list(lesson.settings)!r})\n"
        f'page = letters_page(lesson, Words("letters", {words.language!r}))'
    )
    first, cleaner = lesson.trainings[0], lesson.cleaners[0]
    sections = [
        _data(lesson, words),
        _network(lesson, words),
        _training(lesson, words),
        _figures(lesson, words),
        _reconstructions(lesson, words),
        _noise(lesson, words),
        _black(words),
        _exercises(words),
    ]
    headline = words(
        "page.headline", noisy=_decibels(lesson.noisy_psnr, words), cleaned=_decibels(psnr(cleaner.mse), words),
        mse=words.number(first.mse, ".4f"),
    )  # fmt: skip
    tiles = [
        (words("tiles.mse"), words.number(first.mse, ".4f")),
        (words("tiles.cleaned"), _decibels(psnr(cleaner.mse), words)),
        (words("tiles.letters"), words.number(lesson.trained_on)),
        (words("tiles.parameters"), words.number(lesson.parameters)),
    ]
    return page_of(words, "letters", headline, sections, tiles=tiles, code=code)


def _decibels(value: float, words: Words) -> str:
    return words("decibels", value=words.number(value, ".1f"))


def _name(training: Training, words: Words) -> str:
    return words(f"methods.{training.name.replace(' ', '_')}", epochs=training.epochs, numbers=words.number(training.numbers))


def _data(lesson: Lesson, words: Words) -> Section:
    samples = Images({words("data.row"): [as_rgb(image) for image in lesson.samples]}, lesson.sample_labels)
    text = words(
        "data.text", data=lesson.data, count=words.number(lesson.trained_on), tests=words.number(len(lesson.clean)),
        pixels=words.number(lesson.pixels),
    )  # fmt: skip
    return Section("data", words("data.title"), [Text(text), samples])


def _network(lesson: Lesson, words: Words) -> Section:
    numbers, pixels = (words.number(value) for value in (lesson.trainings[0].numbers, lesson.pixels))
    text = words("network.text", parameters=words.number(lesson.parameters), printed=words.number(PRINTED["parameters"]))
    blocks: list[Block] = [
        Text(text),
        layers_table(lesson.layers, words),
        Text(words("network.code", numbers=numbers, pixels=pixels), True),
    ]
    return Section("network", words("network.title"), blocks)


def _training(lesson: Lesson, words: Words) -> Section:
    rate = words.number(AS_STATED.learning_rate, "g")
    blocks: list[Block] = [Text(words("training.text", epochs=lesson.epochs, batch=AS_STATED.batch_size, rate=rate))]
    for training in lesson.trainings:
        name = _name(training, words)
        picture = losses_picture([training.history.rows], words, words("training.alt", name=name))
        blocks += [Text(words("training.name", name=name)), picture]
    return Section("training", words("training.title"), blocks)


def _figures(lesson: Lesson, words: Words) -> Section:
    keras = measured("letters", "keras", "mse").mean
    lessons = {training.name: training for training in lesson.trainings[:-1]}
    count = words.number(PRINTED["parameters"])
    beside = [
        [words("figures.parameters"), count, count, *[words.number(lesson.parameters)] * len(lessons)],
        [words("figures.mse"), "", words.number(keras, ".4f"), *(words.number(each.mse, ".4f") for each in lessons.values())],
    ]
    columns = [words(f"figures.{name}") for name in ("measure", "prints", "run")]
    columns += [words("figures.sablier", name=_name(training, words)) for training in lessons.values()]
    rows = [
        [_name(each, words), words.number(each.numbers), words.number(each.mse, ".4f"), _decibels(psnr(each.mse), words),
         words.number(each.seconds, ".1f")]
        for each in lesson.trainings
    ]  # fmt: skip
    rows += [
        [words("methods.pca", numbers=each.numbers), words.number(each.numbers), words.number(each.mse, ".4f"),
         _decibels(psnr(each.mse), words), ""]
        for each in lesson.projections
    ]  # fmt: skip
    methods = [words(f"figures.{name}") for name in ("method", "numbers", "mse_column", "psnr", "seconds")]
    blocks: list[Block] = [
        Table(columns, beside, words("figures.caption")),
        Text(words("figures.why")),
        Table(methods, rows, words("figures.methods", pixels=words.number(lesson.pixels), seeds=lesson.seeds)),
    ]
    return Section("figures", words("figures.title"), blocks)


def _reconstructions(lesson: Lesson, words: Words) -> Section:
    rows = {words("reconstructions.real"): lesson.clean}
    rows |= {_name(training, words): training.redrawn for training in lesson.trainings}
    rows |= {words("methods.pca", numbers=each.numbers): each.redrawn for each in lesson.projections}
    shown = {name: [as_rgb(pictures[place]) for place in lesson.shown] for name, pictures in rows.items()}
    return Section("reconstructions", words("reconstructions.title"), [Text(words("reconstructions.text")), Images(shown)])


def _noise(lesson: Lesson, words: Words) -> Section:
    level = words.number(lesson.noise, "g")
    rows = {words("reconstructions.real"): lesson.clean, words("noise.noisy"): lesson.noisy}
    rows |= {words("noise.predicted", name=_name(each, words)): each.redrawn for each in lesson.cleaners}
    shown = {name: [as_rgb(pictures[place]) for place in lesson.shown] for name, pictures in rows.items()}
    table = [[words("noise.noisy"), _decibels(lesson.noisy_psnr, words), ""]]
    table += [
        [words("noise.predicted", name=_name(each, words)), _decibels(psnr(each.mse), words), words.number(each.seconds, ".1f")]
        for each in lesson.cleaners
    ]
    columns = [words(f"noise.{name}") for name in ("images", "psnr", "seconds")]
    blocks: list[Block] = [
        Text(words("noise.text", level=level)),
        Images(shown),
        Table(columns, table, words("noise.caption", level=level)),
    ]
    return Section("noise", words("noise.title"), blocks)


def _black(words: Words) -> Section:
    """Return why the lesson's network may end black on MNIST, with the figures measured of it."""
    columns = [words(f"black.{name}") for name in ("start", "psnr", "logit")]
    rows = []
    for variant in STARTS:
        found = [measured("letters", variant, figure).mean for figure in ("psnr", "logit")]
        name = words(f"black.{variant.replace(' ', '_').replace('-', '_')}")
        rows.append([name, _decibels(found[0], words), words.number(found[1], ".0f")])
    blocks: list[Block] = [Text(words("black.text")), Table(columns, rows, words("black.caption")), Text(words("black.why"))]
    return Section("black", words("black.title"), blocks)


def _exercises(words: Words) -> Section:
    figures = {
        f"mse_{place}": words.number(measured("letters", variant, "mse").mean, ".4f") for place, variant in enumerate(COMPARED)
    }
    commands = {
        "architecture": [
            "sablier train notmnist -o f8.sablier --recipe course-conv --set filters=8",
            "sablier train notmnist -o f32.sablier --recipe course-conv",
            "sablier train notmnist -o f32-10.sablier --recipe course-conv --set epochs=10",
            "sablier train notmnist -o other.sablier --recipe autoencoder --tier tiny --set latent=32",
            "sablier compare f8.sablier f32.sablier f32-10.sablier other.sablier -o compared/",
        ],
        "level": ["sablier course letters --noise 0.3", "sablier course letters --noise 1"],
        "schedule": ["sablier course letters --epochs 0"],
        "denoiser": [
            "sablier train notmnist -o cleaner.sablier --recipe denoiser --set model=course_conv",
            "sablier denoise cleaner.sablier notmnist:test -o cleaned/",
        ],
    }
    exercises = [
        Exercise(words(f"exercises.{name}"), lines, words(f"exercises.{name}_answer", **figures))
        for name, lines in commands.items()
    ]
    return Section("exercises", words("exercises.title"), exercises, words("answer"))

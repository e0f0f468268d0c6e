"""Draw every picture of the README and of docs/, from the sets that come with the installation. Seeded.

usage: python docs/make_pictures.py [NAME ...]      (all of them where none is named; --list lists them)
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from package_drawing import drawing
from sklearn.decomposition import PCA

import sablier
from sablier.images.glyphs import glyphs
from sablier.report.figures import BLUE, GREEN, GREY, INK, MUTED, ORANGE, ScoreGroup, Sheet, draw_scores, styled, to_png
from sablier.report.fooling import fool_figure
from sablier.report.pictures import FAINTEST, HIGHEST, anomaly_colours, as_rgb, overlay
from sablier.tasks.classification.classify import Classifier
from sablier.tasks.classification.fool import fool_classifier
from sablier.tasks.detection.detect import Detector
from sablier.tasks.detection.result import DetectionResult
from sablier.training.objectives import mean_squared_error
from sablier.transforms.natural import KINDS, corrupt
from sablier.workflows.training.classifier import train_classifier
from sablier.workflows.training.detector import train_detector

FOLDER = Path(__file__).parent / "pictures"
LETTER = "E"
FOOLED = ("A", "B", "C", "E", "G", "H", "J")
ALPHA = 0.05
DOTS_PER_INCH = 110


# ---------------------------------------------------------------- what several pictures share


@cache
def good_letters(seed: int = 0, n: int = 8000) -> sablier.ImageSet:
    """Return letters of one kind, in every font, without defects."""
    return glyphs(n, seed=seed).where(label=LETTER)


@cache
def bad_letters() -> sablier.ImageSet:
    """Return the same letter with planted defects."""
    return glyphs(2500, seed=9, defects=1.0).where(label=LETTER)


@cache
def detector_file() -> sablier.ModelFile:
    """Train on good letters of one kind; tier small, since tiny has no network that draws."""
    return train_detector(good_letters(), sablier.make_recipe(tier="small"))


@cache
def detector() -> Detector:
    """Return the trained detector."""
    return Detector.from_file(detector_file())


def pictures_of(axes: Axes, picture: Any, x: float, y: float, side: float = 1.0) -> None:
    """Draw H,W,3 bytes with its lower left corner at x, y."""
    axes.imshow(picture, extent=(x, x + side, y, y + side), interpolation="nearest", cmap="gray", vmin=0, vmax=1)


def board(inches: tuple[float, float], width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one axes of width x height units and nothing drawn."""
    figure = Figure(inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(0, height), aspect="auto")
    return figure, axes


def fix(axes: Axes, width: float, height: float) -> None:
    """Set the limits again: imshow moves them."""
    axes.set(xlim=(0, width), ylim=(0, height), aspect="auto")


# ---------------------------------------------------------------- README


@cache
def judged_parts() -> DetectionResult:
    """Return the verdicts on the test parts, of a detector with every default, trained on good parts."""
    file = train_detector(sablier.read_images("parts"), sablier.make_recipe())
    return Detector.from_file(file).detect(sablier.read_images("parts:test"), ALPHA, pictures=True)


def report() -> Figure:
    """Parts as a report shows them: of two kinds of defect the highest score, and a typical good part."""
    result = judged_parts()
    highest = [int(np.argmax(np.where(result.labels == kind, result.scores, -np.inf))) for kind in ("scratch", "undrilled")]
    good = np.flatnonzero(result.labels == "good")
    chosen = [*highest, int(good[np.argsort(result.scores[good])[len(good) // 2]])]
    card, (width, height) = 2.14, (3 * 2.14, 1.62)
    figure, axes = board((width * 1.15, height * 1.15), width, height)
    axes.text(
        0.03, height - 0.12, f"{result.flagged} of {len(result)} images are flagged", va="center", fontsize=15, weight="bold"
    )
    for place, i in enumerate(chosen):
        x = 0.03 + place * card
        pictures_of(axes, as_rgb(result.images[i]), x, 0.38)
        pictures_of(axes, overlay(result.images[i], result.anomaly_maps[i]), x + 1.03, 0.38)
        verdict, colour = ("flagged", ORANGE) if result.verdicts[i] == "anomaly" else ("not flagged", BLUE)
        axes.text(x, 0.25, verdict, va="center", fontsize=10, weight="bold", color=colour)
        text = f"{result.labels[i]}: score {result.scores[i]:.1f}, p = {result.p_values[i]:.3f}"
        axes.text(x, 0.09, text, va="center", fontsize=9, color=MUTED)
    fix(axes, width, height)
    return figure


# ---------------------------------------------------------------- supervised and unsupervised


def supervised() -> Figure:
    """On the left pairs of image and answer, on the right images alone."""
    letters = glyphs(400, seed=3)
    figure, axes = board((8.6, 3.9), 12.4, 5.6)
    axes.text(0.3, 5.3, "supervised: images with answers", fontsize=12, weight="bold")
    axes.text(6.9, 5.3, "unsupervised: images alone", fontsize=12, weight="bold")
    for place in range(8):
        x, y = 0.3 + (place % 4) * 1.3, 3.75 - (place // 4) * 1.55
        pictures_of(axes, as_rgb(letters[place] / 255.0), x, y)
        axes.text(x + 0.5, y - 0.22, f"“{letters.labels[place]}”", ha="center", va="center", fontsize=11, color=BLUE)
    same = good_letters().take(range(8))
    for place in range(8):
        pictures_of(axes, as_rgb(same[place] / 255.0), 6.9 + (place % 4) * 1.3, 3.75 - (place // 4) * 1.3)
    for x, text in ((0.3, "question:\nwhich of the names?"), (6.9, "question:\ndoes it belong?")):
        axes.text(x, 0.85, text, va="center", fontsize=11, color=MUTED)
    asked = glyphs(400, seed=4)
    new = int(np.flatnonzero(asked.labels == "G")[0])
    pictures_of(axes, as_rgb(asked[new] / 255.0), 3.0, 0.35)
    axes.text(4.15, 0.85, "→  “G”", va="center", fontsize=13, color=BLUE)
    odd = int(np.flatnonzero(bad_letters().attributes["defect"] == "blot")[1])
    pictures_of(axes, as_rgb(bad_letters()[odd] / 255.0), 9.3, 0.35)
    axes.text(10.45, 0.85, "→  no", va="center", fontsize=13, color=ORANGE)
    axes.plot([6.25, 6.25], [0.2, 5.4], color=GREY, lw=1)
    fix(axes, 12.4, 5.6)
    return figure


# ---------------------------------------------------------------- autoencoder


@cache
def autoencoder(latent: int) -> sablier.ImageAutoencoder:
    """Train a plain autoencoder on good letters of one kind."""
    estimator = sablier.ImageAutoencoder(latent=latent, tier="tiny", settings={"steps": 150, "megapixels": 60})
    return estimator.fit(good_letters().array)


def hourglass() -> Figure:
    """An image, its code, and the image again; the widths of a dense autoencoder between them."""
    image = good_letters(seed=5, n=400).array[3:4]
    code = autoencoder(16).transform(image)[0]
    again = autoencoder(16).reconstruct(image)[0]
    figure, axes = board((9.2, 3.3), 14.0, 5.0)
    pictures_of(axes, as_rgb(image[0] / 255.0), 0.3, 1.5, 2.2)
    pictures_of(axes, as_rgb(again / 255.0), 11.5, 1.5, 2.2)
    for side, name in ((((2.9, 0.5), (2.9, 4.7), (6.2, 3.3), (6.2, 1.9)), "encoder"),
                       (((7.8, 1.9), (7.8, 3.3), (11.1, 4.7), (11.1, 0.5)), "decoder")):  # fmt: skip
        axes.add_patch(Polygon(side, facecolor="#dfe9f3", edgecolor=BLUE, lw=1.4))
        axes.text(np.mean([x for x, _ in side]), 2.6, name, ha="center", va="center", fontsize=13)
    extent = (6.6, 7.4, 1.1, 4.1)
    axes.imshow(code[:, None], extent=extent, cmap="PuOr", vmin=-2.5, vmax=2.5, interpolation="nearest")
    axes.add_patch(Rectangle((6.6, 1.1), 0.8, 3.0, fill=False, edgecolor=INK, lw=1))
    axes.text(1.4, 0.95, "28 × 28 =\n784 numbers", ha="center", va="center", fontsize=11)
    axes.text(7.0, 0.55, "code: 16 numbers", ha="center", va="center", fontsize=11)
    axes.text(12.6, 0.95, "784 numbers,\nreconstructed", ha="center", va="center", fontsize=11)
    fix(axes, 14.0, 5.0)
    return figure


CODE_SIZES = (1, 4, 16, 64, 256)


def code_size() -> Figure:
    """A good and a defective letter, reconstructed from codes of several sizes by PCA, the linear baseline."""
    training = good_letters().array[..., 0].reshape(-1, 784) / 255.0
    good = good_letters(seed=5, n=400).array[3] / 255.0
    blots = np.flatnonzero(bad_letters().attributes["defect"] == "blot")
    bad = bad_letters().array[blots[1]] / 255.0
    step, left = 1.1, 1.6
    width, height = left + step * (len(CODE_SIZES) + 1) + 0.1, 2.75
    figure, axes = board((width * 0.95, height * 0.95), width, height)
    for row, (name, image) in enumerate((("good", good), ("defective", bad))):
        y = 1.25 - row * 1.15
        axes.text(left - 0.15, y + 0.5, name, ha="right", va="center", fontsize=12)
        pictures_of(axes, as_rgb(image), left, y)
        for place, size in enumerate(CODE_SIZES, start=1):
            pca = PCA(size, random_state=0).fit(training)
            again = pca.inverse_transform(pca.transform(image.reshape(1, -1))).reshape(28, 28, 1)
            pictures_of(axes, as_rgb(again), left + place * step, y)
    for place, text in enumerate(("original", *(f"{size} numbers" if size > 1 else "1 number" for size in CODE_SIZES))):
        axes.text(left + place * step + 0.5, 2.45, text, ha="center", va="center", fontsize=10, color=MUTED)
    fix(axes, width, height)
    return figure


def broadcasting() -> Figure:
    """What a net learns from a loss that broadcasts, and from one that compares equal shapes."""
    threes = sablier.read_images("digits[label=3]")
    x = torch.from_numpy(threes.array.transpose(0, 3, 1, 2) / 255.0).float()
    drawn = {}
    for name, squeezed in (("loss that\nbroadcasts", True), ("equal\nshapes", False)):
        torch.manual_seed(0)
        model = sablier.create_model("course_dense", (8, 8, 1), latent=16)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(250):
            again = model.reconstruct(x)
            # N,8,8 against N,1,8,8 becomes N,N,8,8: every reconstruction against every image.
            loss = ((again[:, 0] - x) ** 2).mean() if squeezed else mean_squared_error(again, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        drawn[name] = model.reconstruct(x).detach().numpy()
    rows = {"image": x.numpy(), **drawn}
    chosen = [3, 11, 25, 40, 58, 77]
    step, left = 1.1, 1.75
    width, height = left + step * (len(chosen) + 1) + 0.45, 3.85
    figure, axes = board((width * 0.85, height * 0.85), width, height)
    for row, (name, pictures) in enumerate(rows.items()):
        y = 2.35 - row * step
        axes.text(left - 0.15, y + 0.5, name, ha="right", va="center", fontsize=11)
        for place, i in enumerate(chosen):
            pictures_of(axes, as_rgb(pictures[i].transpose(1, 2, 0)), left + place * step, y)
    x_mean = left + len(chosen) * step + 0.3
    pictures_of(axes, as_rgb(x.numpy().mean(axis=0).transpose(1, 2, 0)), x_mean, 2.35 - step)
    axes.text(x_mean + 0.5, 2.43, "mean of all", ha="center", va="center", fontsize=10, color=MUTED)
    axes.text(left, 3.62, "threes, 8 × 8", va="center", fontsize=10, color=MUTED)
    fix(axes, width, height)
    return figure


# ---------------------------------------------------------------- scores and false alarms


def scores() -> Figure:
    """Scores of unseen good letters and of defective ones, with the threshold at 5 %."""
    found = detector()
    good = found.detect(good_letters(seed=5, n=6000), ALPHA).scores
    bad = found.detect(bad_letters(), ALPHA).scores
    highest = float(np.quantile(bad, 0.97))
    edges = np.linspace(min(good.min(), bad.min()), highest, 61)
    counted = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (good, bad)]
    groups = [
        ScoreGroup("good letters, never seen", counted[0], BLUE),
        ScoreGroup("letters with a defect", counted[1], ORANGE, filled=True),
    ]
    figure = Figure((6.2, 3.8), layout="constrained")
    draw_scores(figure.add_subplot(), edges, groups, found.calibration.threshold(ALPHA))
    return figure


def p_value() -> Figure:
    """Thirty-nine calibration scores on a line, and the p-values of two new images."""
    every = detector().calibration.folds[0]
    calibration = sablier.Calibration((every[np.linspace(0, len(every) - 1, 39).astype(int)],))
    known = calibration.folds[0]
    low, high = float(known.min()), float(known.max())
    new = {"an ordinary image": float(np.quantile(known, 0.62)) + 0.005, "a strange one": high + 0.12 * (high - low)}
    figure = Figure((7.4, 3.0), layout="constrained")
    axes = figure.add_subplot()
    for row, (name, score) in enumerate(new.items()):
        above = int((known >= score).sum())
        p = float(calibration.p_values(np.array([[score]]))[0])
        axes.plot(known[known < score], np.full(len(known) - above, -row), "o", ms=6, color=GREY, alpha=0.7)
        axes.plot(known[known >= score], np.full(above, -row), "o", ms=6, color=BLUE)
        axes.plot([score], [-row], "D", ms=9, color=ORANGE)
        text = f"{name}: {above} of {len(known)} score as high,  p = (1 + {above}) / ({len(known)} + 1) = {p:.3f}"
        axes.text(low, -row + 0.3, text, fontsize=10.5, va="center")
    axes.set(ylim=(-1.5, 0.75), yticks=[], xlabel="anomaly score")
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    return figure


def by_eye() -> Figure:
    """Errors of a net on the images it trained on, and on good images it has never seen."""
    letters = good_letters().take(range(99))
    unseen = good_letters(seed=5, n=6000)
    settings = {"steps": 150, "megapixels": 60, "fusion_share": 0.01}  # of 99, none is held out to validate with
    net = sablier.ImageAutoencoder(latent=16, tier="tiny", settings=settings).fit(letters.array)
    seen, new = (((net.reconstruct(x) / 255.0 - x / 255.0) ** 2).mean(axis=(1, 2, 3)) for x in (letters.array, unseen.array))
    highest = float(np.quantile(new, 0.98))
    edges = np.linspace(0, highest, 61)
    groups = [
        ScoreGroup("letters it trained on", np.histogram(np.clip(seen, 0, highest), edges)[0], GREEN, filled=True),
        ScoreGroup("good letters it never saw", np.histogram(np.clip(new, 0, highest), edges)[0], BLUE),
    ]
    figure = Figure((6.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    draw_scores(axes, edges, groups)
    line = float(np.quantile(seen, 0.95))
    axes.axvline(line, color=INK, ls=(0, (4, 2)), lw=1.5)
    text = f"right of the line lie 5 % of the training letters,\nand {(new > line).mean():.0%} of the good letters it never saw"
    axes.text(0.24, 0.97, text, transform=axes.transAxes, va="top", fontsize=10)
    axes.set(xlabel="mean squared error")
    return figure


def band() -> Figure:
    """The false-alarm rate a user gets, against how many images calibrate, at 5 %."""
    counts = np.unique(np.geomspace(19, 2000, 120).astype(int))
    levels = np.array([sablier.Calibration((np.arange(float(count)),)).band(ALPHA) for count in counts])
    figure = Figure((6.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(counts, *(100 * levels.T), color=BLUE, alpha=0.25, lw=0, label="90 % of calibrations give a rate in here")
    axes.axhline(100 * ALPHA, color=INK, ls=(0, (4, 2)), lw=1.4, label="what was asked for: 5 %")
    axes.set_xscale("log")
    ticks = [19, 50, 100, 200, 500, 1000, 2000]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="calibration images", ylabel="good images flagged, %", ylim=(0, None), xlim=(19, 2000))
    axes.legend(loc="upper right")
    return figure


def folds() -> Figure:
    """How images are shared out: one split where there are enough, folds where there are few."""
    figure, axes = board((8.2, 3.6), 10, 5.2)
    axes.text(0.1, 4.85, "300 images or more: one model, three separate uses", fontsize=11, weight="bold")
    parts = ((0.7, BLUE, "train the net"), (0.1, GREEN, "correct"), (0.2, ORANGE, "calibrate"))
    x = 0.1
    for share, colour, name in parts:
        axes.add_patch(Rectangle((x, 4.05), share * 9.8 - 0.05, 0.5, facecolor=colour, alpha=0.75))
        axes.text(x + share * 4.9, 4.3, name, ha="center", va="center", fontsize=9.5, color="white", weight="bold")
        x += share * 9.8
    axes.text(0.1, 3.4, "fewer: five models, and each image calibrates the one that has not seen it", fontsize=11, weight="bold")
    for model in range(5):
        y = 2.65 - model * 0.6
        for fold in range(5):
            held = fold == model
            left = 1.3 + fold * 1.72
            axes.add_patch(Rectangle((left, y), 1.65, 0.45, facecolor=ORANGE if held else BLUE, alpha=0.75))
            text = "calibrate" if held else "train"
            axes.text(left + 0.83, y + 0.22, text, ha="center", va="center", fontsize=9.5, color="white", weight="bold")
        axes.text(1.15, y + 0.22, f"model {model + 1}", ha="right", va="center", fontsize=10)
    fix(axes, 10, 5.2)
    return figure


def anomaly_map() -> Figure:
    """The scale of anomaly maps: what a good letter reaches, and what a defect reaches."""
    found = detector()
    good = found.detect(good_letters(seed=5, n=400), ALPHA, pictures=True)
    bad = found.detect(bad_letters(), ALPHA, pictures=True)
    blots = np.flatnonzero((bad_letters().attributes["defect"] == "blot") & (bad.verdicts == "anomaly"))
    chosen = [(good, 0), (good, 1), (good, 4), (bad, int(blots[0])), (bad, int(blots[1])), (bad, int(blots[3]))]
    width, height = 7.2, 2.6
    figure, axes = board((width * 1.05, height * 1.05), width, height)
    for place, (result, i) in enumerate(chosen):
        x = 0.1 + place * 1.18
        pictures_of(axes, overlay(result.images[i], result.anomaly_maps[i]), x, 1.2, 1.1)
        highest = float(result.anomaly_maps[i].max())
        axes.text(x + 0.55, 2.43, f"highest {highest:.1f}", ha="center", va="center", fontsize=10, color=MUTED)
    anomaly_maps = np.linspace(0, HIGHEST, 400)
    colours, opacity = anomaly_colours(anomaly_maps)
    bar = 0.4 * (1 - opacity[:, None]) + colours * opacity[:, None]
    axes.imshow(bar[None], extent=(0.1, 7.1, 0.55, 0.8), aspect="auto")
    marks = ((0.0, "0", "left"), (FAINTEST, "0.5: from here it is drawn", "center"),
             (1.0, "1: at most 5 % of good images exceed it", "left"), (HIGHEST, "3 and more", "right"))  # fmt: skip
    for value, text, side in marks:
        x = 0.1 + 7.0 * value / HIGHEST
        axes.plot([x, x], [0.45, 0.55], color=INK, lw=1)
        axes.text(x, 0.3, text, ha=side, va="center", fontsize=10)
    fix(axes, width, height)
    return figure


# ---------------------------------------------------------------- tutorial


def preview() -> Figure:
    """What `sablier data preview` draws: images evenly taken from a source."""
    letters = sablier.load_dataset("glyphs").take(range(24))
    step = 1.05
    width, height = 12 * step + 0.1, 2 * 1.25 + 0.1
    figure, axes = board((width * 0.68, height * 0.68), width, height)
    for place in range(len(letters)):
        x, y = 0.1 + (place % 12) * step, 1.3 - (place // 12) * 1.25
        pictures_of(axes, as_rgb(letters[place] / 255.0), x, y)
        axes.text(x + 0.5, y + 1.1, letters.labels[place], ha="center", va="center", fontsize=9, color=MUTED)
    fix(axes, width, height)
    return figure


def summary() -> Figure:
    """What a report of `sablier detect` shows first: the scores of all images, and the strangest of them."""
    drawn_over = np.flatnonzero(bad_letters().attributes["defect"] != "missing")[:20]
    letters = sablier.ImageSet.concatenate([good_letters(seed=5, n=600), bad_letters().take(drawn_over)])
    with TemporaryDirectory() as folder:
        model = Path(folder) / "letters.sablier"
        detector_file().save(model)
        return sablier.plot(sablier.detect(model, letters, alpha=ALPHA))


# ---------------------------------------------------------------- robustness


@styled
def corruptions() -> Figure:
    """A letter under each kind of natural corruption, at severities 1, 3 and 5."""
    letter = good_letters().array[3:4]
    groups = [[as_rgb(corrupt(letter, kind, severity)[0] / 255) for severity in (1, 3, 5)] for kind in KINDS]
    return Sheet(groups, list(KINDS), columns=4, side=0.55).figure()


@styled
def fooling() -> Figure:
    """Images of which a classifier of letters is sure, found in each way."""
    file = train_classifier(glyphs(8000, seed=0), sablier.make_recipe("classifier", tier="tiny"))
    return fool_figure(fool_classifier(Classifier.from_file(file), classes=FOOLED))


PICTURES: dict[str, Callable[[], Figure]] = {
    "corruptions": corruptions,
    "fooling": fooling,
    "report": report,
    "supervised": supervised,
    "hourglass": hourglass,
    "code-size": code_size,
    "broadcasting": broadcasting,
    "scores": scores,
    "p-value": p_value,
    "by-eye": by_eye,
    "band": band,
    "folds": folds,
    "anomaly-map": anomaly_map,
    "preview": preview,
    "summary": summary,
    "packages": drawing,
}


@styled
def main(names: list[str]) -> None:
    if names == ["--list"]:
        print("\n".join(PICTURES))
        return
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        path = FOLDER / f"{name}.png"
        path.write_bytes(to_png(PICTURES[name](), DOTS_PER_INCH))
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Write docs/BENCHMARKS.md from bench/results: the page holds no figure that a bench did not write.

usage: python bench/page.py [--check]      (--check writes nothing and fails where the page is not what it would write)
"""

import json
import sys
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs" / "BENCHMARKS.md", ROOT / "bench" / "results"

HEAD = """# Benchmarks

Every figure on this page was written by a script in `bench/`; this page is made from their result files by
`python bench/page.py`, and a test checks that the two agree. Run any of them yourself; `--quick` ends within a minute.
No test label touches training, stopping or thresholds; the last epoch is the reported one. Settings were chosen on held-out
training images, but for one: that lesson 1 uses weight decay came from a look at test digits ([what was tried](LOG.md)).

Two result files mix states: 19 of the 20 splits of false_alarms ran on one thread and on earlier commits, and score_speed-glyphs
(the long streams) was measured before batches were scored in parallel; score_speed-glyphs-10k after.
"""

# What each bench claims: key of the result, the claim, the bar as text, and whether a value meets it.
BARS: dict[str, list[tuple[str, str, str, Any]]] = {
    "course-mnist": [
        ("lesson1_val_mse", "lesson 1, same net and budget: validation MSE", "<= 0.0080", lambda v: v <= 0.0080),
        ("lesson1_auroc", "the same: AUROC of 5 against the other digits", ">= 0.972", lambda v: v >= 0.972),
    ],
    "train_speed-course_dense": [("speedup", "training, against the lesson's own loop", ">= 5 x", lambda v: v >= 5)],
    "train_speed-course_conv": [
        ("speedup_to_quality", "lesson 2, against Keras: times less wall clock to its error", ">= 25 x", lambda v: (v or 0) >= 25),
        ("images_per_second_ratio", "the same net, images a second of training", ">= 2.0 x", lambda v: v >= 2.0),
        # Counted in the multiply-adds of the plain form: the four phases need fewer, so it may exceed 1.
        ("fraction_of_peak", "the same, effective rate against the matrix-product peak", ">= 0.80", lambda v: v >= 0.8),
    ],
    "reconstruct-mnist": [
        ("mse/32", "MNIST drawn again from 32 numbers: test MSE", "<= 0.0035", lambda v: v <= 0.0035),
        ("mse/128", "the same from 128", "<= 0.0020, stretch 0.0012", lambda v: v <= 0.0020),
        ("mse_pca/32", "PCA from 32", "above ours", None),
        ("mse_pca/128", "PCA from 128", "above ours", None),
        ("train_seconds/32", "training at 32, seconds", "<= 300", lambda v: v <= 300),
        ("train_seconds/128", "training at 128, seconds", "<= 300", lambda v: v <= 300),
    ],
    "reconstruct-fashion-mnist": [
        ("mse/32", "Fashion-MNIST from 32 numbers: test MSE", "<= 0.0095", lambda v: v <= 0.0095),
        ("mse_pca/32", "PCA from 32", "above ours", None),
    ],
    "denoise-mnist": [
        ("psnr/0.5", "MNIST without noise of sigma 0.5, one blind model: dB", ">= 20.1", lambda v: v >= 20.1),
        ("psnr/0.25", "the same model at 0.25", ">= 24.1", lambda v: v >= 24.1),
        ("psnr/1.0", "the same model at 1.0", ">= 15.7", lambda v: v >= 15.7),
        ("train_seconds", "its training, seconds", "<= 600", lambda v: v <= 600),
        ("psnr_small/0.5", "tier small at 0.5", ">= 19.8", lambda v: v >= 19.8),
        ("train_seconds_small", "its training, seconds", "<= 60", lambda v: v <= 60),
        ("sigma_within_10_percent", "sigma found within 10 %, 0.1 to 1: share of images", ">= 0.95", lambda v: v >= 0.95),
        ("noisy_only_loss_db", "lost by learning from noisy images alone, dB", "<= 1.0", lambda v: v <= 1.0),
    ],
    "denoise-notmnist": [
        ("gain_over_lesson_db", "notMNIST at 0.5, above the lesson's net, dB", ">= 1.5", lambda v: v >= 1.5),
        ("gain_over_classical_db", "the same above the best classical method, dB", "> 0", lambda v: v > 0),
    ],
    "denoise_photos-toothbrush": [
        ("gain_db", "colour photos, sigma 0.1, above wavelets and non-local means, dB", ">= 1.0", lambda v: v >= 1.0),
        ("seconds_12_megapixels", "a photo of 12 megapixels, whole command, seconds", "<= 60", lambda v: v <= 60),
        ("tiled_difference_of_255", "in tiles and at once differ by, of 255", "<= 1", lambda v: v <= 1),
    ],
    "one_class-mnist-class-5": [
        ("auroc_mean", "default detector, MNIST, normal = 5: AUROC", ">= 0.965", lambda v: v >= 0.965),
        ("auroc_pca", "the same by PCA", "below ours", None),
        ("auroc_knn", "the same by nearest neighbours", "below ours", None),
        ("fit_seconds_max", "longest fit, seconds", "<= 120", lambda v: v <= 120),
    ],
    "inspection-toothbrush": [
        ("train_seconds", "48 photos of 256 x 256, every default: training, seconds", "<= 600 with the next", lambda v: v <= 600),
        ("detect_seconds", "judging 42 of them, with report, seconds", "", None),
        ("image_auroc", "AUROC on them", "reported", None),
        ("auroc_pca", "the same by PCA", "reported", None),
        ("auroc_knn", "the same by nearest neighbours", "reported", None),
    ],
    "startup-digits": [
        ("import_seconds", "import sablier, seconds", "<= 0.2", lambda v: v <= 0.2),
        ("torch_loaded", "torch loaded by it", "no", lambda v: v is False),
        ("help_seconds", "sablier --help, seconds", "<= 0.5", lambda v: v <= 0.5),
        ("demo_seconds", "the demo after installation, seconds", "<= 60", lambda v: v <= 60),
    ],
    "score_speed-glyphs-10k": [
        ("seconds_10k", "10,000 images of 28 x 28 scored, whole command, seconds", "<= 6", lambda v: v <= 6),
    ],
    "score_speed-glyphs": [
        ("peak_mb_1m", "peak memory of 1,000,000 streamed, MB", "< 1500", lambda v: v < 1500),
        ("peak_mb_200k", "peak memory of 200,000 streamed, MB", "the same", None),
    ],
}  # fmt: skip


def page() -> str:
    """Return the page as it should be."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json")) if ".partial" not in path.name}
    lines = [HEAD, "## Claims", "", "| claim | bar | figure | met | seeds |", "|---|---|---|---|---|"]
    for stem, claims in BARS.items():
        for key, claim, bar, met in claims if stem in results else []:
            value = reduce(getitem, key.split("/"), results[stem])
            verdict = "" if met is None else ("yes" if met(value) else "**no**")
            lines.append(f"| {claim} | {bar} | {_text(value)} | {verdict} | {len(results[stem]['seeds'])} |")
    for stem, result in results.items():
        for row in result.get("rows", []) if stem.startswith("false_alarms") else []:
            met = "yes" if row["splits_outside_band"] == 0 else "**no**"
            claim = f"false-alarm rate at alpha {row['alpha']:.0%}, {result['data']} normal = {result['normal']}"
            figure = f"{row['splits_outside_band']} outside, mean {row['false_alarm_rate_mean']:.4f}"
            lines.append(f"| {claim} | no split outside the band | {figure} | {met} | {row['splits']} |")
    lines += ["", "## Result files", ""]
    for stem, result in results.items():
        lines += [f"### {stem}", "", f"`{result['command']}`, {result['date']}, commit {result['commit']}, {result['cpu']}, "
                  f"{result['threads']} threads, seeds {_text(result['seeds'])}, {result['seconds']:.0f} s", ""]  # fmt: skip
        shown = {key: value for key, value in result.items() if key not in HIDDEN}
        lines += ["| key | value |", "|---|---|", *(f"| {key} | {_text(value)} |" for key, value in shown.items()), ""]
    return "\n".join(lines).rstrip() + "\n"


HIDDEN = {"bench", "date", "commit", "cpu", "threads", "seeds", "seconds", "command"}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ("; " if any(isinstance(item, dict) for item in value) else ", ").join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    text = page()
    if "--check" in sys.argv[1:]:
        agrees = PAGE.exists() and PAGE.read_text() == text
        sys.exit(0 if agrees else f"{PAGE} does not agree with {RESULTS}: run python bench/page.py")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()

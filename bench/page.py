"""Write docs/BENCHMARKS.md from bench/results: the page holds no figure that a bench did not write.

usage: python bench/page.py [--check]      (--check writes nothing and fails where the page is not what it would write)
"""

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

from bar import met
from bars import BARS

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs" / "BENCHMARKS.md", ROOT / "bench" / "results"

HEAD = """# Benchmarks

Every figure on this page was written by a script in `bench/`; this page is made from their result files by
`python bench/page.py`, and a test checks that the two agree. Run any of them yourself; `--quick` is meant to end within a minute
(not yet timed on an idle machine: arithmetic, generate, augment, gan, latent, compress).
No test label touches training, stopping or thresholds; the last epoch is the reported one. Settings were chosen on held-out
training images; where a look at test images came first, as for the weight decay of lesson 1 and for which defects the judge of
tiles draws, the [log](LOG.md) says so.

one_class-mnist was measured on one thread beside other work, at a commit before the contamination filter.
one_class-mnist-class-5, false_alarms and score_speed are of the detector as it was, an autoencoder alone.
generate, augment, arithmetic and gan were measured on one thread each, beside one to three other processes, so their seconds say
little; augment with 500 labelled images alone. The mixture that gan is compared with is that of generate, of the same recipe,
seed and day, not trained again.
No seed of gan was timed on an idle machine. compress ran on one thread beside other work, which its training seconds show; its
images a second were then measured on two idle threads, with the codec of MNIST trained once more from the same seed.
one_class-fashion-mnist holds classes 0 to 7 from an earlier commit, on one thread beside other work, and 8 and 9 from today;
its score_seconds_max is of these two, since earlier runs did not note it.

Some result files mix states: 19 of the 20 splits of false_alarms ran on one thread and on earlier commits, and score_speed-glyphs
(the long streams) was measured before batches were scored in parallel; score_speed-glyphs-10k after.

The denoise files were measured in steps: the lesson's net was trained once more, on one thread, after RMSProp had been given its
authors' values. On MNIST it ended all black, before and after, so that figure says nothing of the lesson; on notMNIST it gained
0.4 dB by it, which is what takes the margin over it below its bar. denoise_photos was measured when held-out patches, which are
only reported on, were still drawn from all photos. The denoiser, the autoencoder and the photos have one seed each.

dependence was measured beside tests and other work, its rows at several commits of one day; the file names the last. Its
seconds were measured at the end. Below 2.5 % lie: copies shifted (half of the set is shifted, and stranger than the fresh
images, which are not), brighter tiles, and tiles with given groups (24 groups: steps of 1/25). Tiles in six lights without
given groups are no bar.

The classifiers of robustness trained beside tests, so that their training seconds are too long; the attacks ran alone. Both were
before temperatures were fitted with a grain of doubt (Platt's targets), which of 2,500 held-out images changes hardly anything;
so were the rows of classify that learn for 110 s, or from CIFAR-10 without calibration. Tests ran for five minutes beside the
hour of CIFAR-10, and the accuracy before training of these rows was measured afterwards, by the function of the bench, from the
same seeds. The five minutes of CIFAR-10 had their budget decided by the fastest of three trials, all others by the median.

inspection-pcb has one seed, and its seconds were taken beside tests: alone, training took 219 s. The last step of photo_speed
(5,000 photos) ran beside short checks. few_shot and false_alarms_photos hold toothbrushes so far.
"""


def page() -> str:
    """Return the page as it should be."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json")) if ".partial" not in path.name}
    lines = [HEAD, "## Claims", "", "| claim | bar | figure | met | seeds |", "|---|---|---|---|---|"]
    for stem, claims in BARS.items():
        for key, claim, bar in claims if stem in results else []:
            try:
                *above, value = accumulate(key.split("/"), _within, initial=results[stem])
            except KeyError:  # of a run that left it out
                lines.append(f"| {claim} | {bar} | not measured | | |")
                continue
            seeds = next((part["seeds"] for part in reversed(above) if "seeds" in part), 0)
            verdict = {None: "", True: "yes", False: "**no**"}[met(bar, value)]
            lines.append(f"| {claim} | {bar} | {_text(value)} | {verdict} | {seeds if isinstance(seeds, int) else len(seeds)} |")
    for stem, result in results.items():
        for row in result.get("rows", []) if stem.startswith("false_alarms-") else []:
            verdict = "yes" if row["splits_outside_band"] == 0 else "**no**"
            claim = f"false-alarm rate at alpha {row['alpha']:.0%}, {result['data']} normal = {result['normal']}"
            figure = f"{row['splits_outside_band']} outside, mean {row['false_alarm_rate_mean']:.4f}"
            lines.append(f"| {claim} | no split outside the band | {figure} | {verdict} | {row['splits']} |")
    lines += ["", "## Result files", ""]
    for stem, result in results.items():
        lines += [f"### {stem}", "", f"`{result['command']}`, {result['date']}, commit {result['commit']}, {result['cpu']}, "
                  f"{result['threads']} threads, seeds {_text(result['seeds'])}, {result['seconds']:.0f} s", ""]  # fmt: skip
        shown = {key: value for key, value in result.items() if key not in HIDDEN}
        rows = shown.pop("rows", [])
        if shown:
            lines += ["| key | value |", "|---|---|", *(f"| {key} | {_text(value)} |" for key, value in shown.items()), ""]
        if rows:
            columns = list(dict.fromkeys(key for row in rows for key in row))
            cells = (" | ".join(_text(row.get(column)) for column in columns) for row in rows)
            lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {each} |" for each in cells), ""]
    return "\n".join(lines).rstrip() + "\n"


def _within(part: Any, name: str) -> Any:
    """Return what a part of a result holds under a name; of a list of rows, the row of that name."""
    return {row["row"]: row for row in part}[name] if isinstance(part, list) else part[name]


HIDDEN = {"bench", "date", "commit", "cpu", "threads", "seeds", "seconds", "command"}


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        digits = 5 if 0 < abs(value) < 0.01 else 4
        return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.1f}"
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

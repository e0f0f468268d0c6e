"""Proves that a change moves no result: every verb is run by two versions of the code, and what they write is compared.

usage: python tests/freeze/freeze.py COMMIT [--keep FOLDER]

COMMIT is the last one before the change. It is checked out beside the working tree; both train every recipe at tier tiny from the
same seed on the same images, in two processes of one thread, and use the models. Weights, scores, tables, pictures and reports
must be equal to the bit. Times, dates and what `RENAMED` lists are left out of the comparison.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[2]
RUN = "import torch; torch.set_num_threads(1); from sablier.cli.main import run; run()"
PHOTOS = 36  # five folds of good ones

# What a change is meant to rename or lay out otherwise, as (pattern, replacement), in the names and texts of both versions.
RENAMED = [
    (r"\bmember-(\d)", r"fold-\1"),
    (r"patches/descriptors/(filters|offsets)", r"patches/filters/\1"),
    (r'(?s)<dl class="values">.*?</dl>', "RECIPE"),
    (r"(?s)│ recipe  .*?│ (training|learnt)", r"RECIPE \1"),
]
BY_THE_CLOCK = ("curves.png", "compare.txt")  # ends of names: seconds are drawn, or are a column
VARIES = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(\+00:00|Z)?", "DATE"),
    (r'("?\w*seconds\w*"?: )[\d.e-]+', r"\1SECONDS"),
    (r"\b[\d.]+ s\b", "SECONDS"),
    (r"\b[\d.]+ MB\b", "SIZE"),
    (r"\b[0-9a-f]{12,64}\b", "CHECKSUM"),
]

MODELS = {
    "threes": ("digits[label=3]", "detector", "members=restoration,transformations,closed-form"),
    "tiny": ("digits[label=3]", "detector"),
    "split": ("digits", "detector", "contamination_filter=yes"),
    "photos": ("photos/good", "detector", "photo_members=patches,inpainting,closed-form", "inpainting.steps=6", "size=96"),
    "photos-tiny": ("photos/good", "detector", "size=96"),
    "dense": ("digits[label=3]", "course-dense", "epochs=2"),
    "autoencoder": ("digits", "autoencoder", "steps=60"),
    "conv": ("digits", "course-conv", "epochs=1"),
    "representation": ("digits", "representation", "steps=40"),
    "generator": ("digits", "generator", "steps=40"),
    "variational": ("digits", "variational", "steps=40"),
    "gan": ("digits", "gan", "steps=40"),
    "codec": ("digits", "codec", "steps=40"),
    "classifier": ("digits", "classifier", "steps=60"),
    "fast": ("digits", "classifier-fast", "steps=40"),
    "robust": ("digits", "classifier-robust", "steps=20"),
    "softmax": ("digits", "course-softmax"),
    "cnn": ("digits", "course-cnn", "epochs=1"),
    "denoiser": ("digits", "denoiser", "steps=20"),
    "noisy-only": ("noisy.npy", "denoiser-noisy-only", "steps=20"),
}
OPTIMIZERS = ("sgd", "adam", "rmsprop", "muon")
ONE = "digits:test[label=3]"

USES = [
    "detect threes.sablier digits:test -o detect --audit 20",
    "detect split.sablier digits:test -o detect-fdr --fdr 0.2",
    "detect photos.sablier photos/bad -o detect-photos",
    "detect photos-tiny.sablier photos/bad -o detect-photos-tiny",
    "detect dense.sablier digits:test -o detect-dense --no-report",
    f"evaluate threes.sablier --good {ONE} --bad digits:test[label!=3] -o evaluate.html",
    f"calibrate tiny.sablier {ONE} -o calibrated.sablier",
    f"compare threes.sablier tiny.sablier --good {ONE} --bad digits:test[label=5] -o compare",
    f"compare classifier.sablier cnn.sablier --images {ONE} -o compare-classes",
    f"reconstruct autoencoder.sablier {ONE} -o reconstruct --baseline digits",
    f"reconstruct threes.sablier {ONE} -o reconstruct-threes",
    f"denoise denoiser.sablier {ONE} -o denoise",
    "classify classifier.sablier digits:test -o classify",
    f"attack classifier.sablier {ONE} -o attack -n 8 --steps 4 --restarts 1",
    f"robustness cnn.sablier {ONE} -o robustness -n 8 --severities 3",
    "mistakes softmax.sablier digits -o mistakes --folds 2",
    "fool classifier.sablier -o fool --class 3 --generations 5",
    f"compress codec.sablier {ONE} -o images.sabz",
    f"compress codec.sablier {ONE} -o lossless.sabz --lossless",
    "decompress images.sabz --model codec.sablier -o decompress",
    "sample generator.sablier -n 8 -o sample",
    "sample autoencoder.sablier -n 8 -o sample-mixture",
    "sample gan.sablier -n 8 -o sample-gan",
    "interpolate autoencoder.sablier digits[label=1] digits[label=2] -o walk.png",
    "combine autoencoder.sablier --add digits[label=3] --subtract digits[label=1] --add digits[label=7] -o sum.png",
    f"embed representation.sablier {ONE} -o codes.npz",
    "cluster representation.sablier digits:test -k 3 -o clusters",
    "map representation.sablier digits:test -o map.html --method pca",
    "info threes.sablier",
    "info photos.sablier",
    "info images.sabz",
    f"data preview {ONE} -o preview.png",
]


def make_photos(folder: Path) -> None:
    """Write stripes with grain as PNG files, good ones and four with a blot, and beside the folder noisy arrays."""
    random = np.random.default_rng(0)
    stripes = 120 + 40 * np.sin(np.arange(96) / 6)[None, :, None] + np.zeros((96, 96, 3))
    for kind, count in (("good", PHOTOS), ("bad", 4)):
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            pixels = stripes + random.normal(0, 8, stripes.shape) + random.normal(0, 4)
            if kind == "bad":
                pixels[30:44, 50:62] = 20
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / kind / f"{index:02}.png")
    np.save(folder.parent / "noisy.npy", random.normal(0.5, 0.3, (40, 24, 24)).astype(np.float32))


def commands() -> Iterator[list[str]]:
    """Yield the arguments of each run of `sablier`."""
    for name, (source, recipe, *settings) in MODELS.items():
        changed = [part for setting in settings for part in ("--set", setting)]
        yield ["train", source, "-o", f"{name}.sablier", "--recipe", recipe, "--tier", "tiny", "--threads", "1", *changed]
    for optimizer in OPTIMIZERS:
        settings = ["--set", f"optimizer={optimizer}", "--set", "steps=20"]
        yield ["train", "digits", "-o", f"by-{optimizer}.sablier", "--recipe", "autoencoder", "--tier", "tiny", *settings]
    yield from (line.split() for line in USES)


def run_all(source: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start every command of one version in a folder, one after the other."""
    make_photos(folder / "photos")
    environment = os.environ | {"PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    script = folder / "commands.json"
    script.write_text(json.dumps(list(commands())))
    return subprocess.Popen([sys.executable, __file__, "--run", str(script)], cwd=folder, env=environment)


def run_commands(script: Path) -> None:
    """Run commands in this folder; keep what each prints and how it ends."""
    for number, arguments in enumerate(json.loads(script.read_text())):
        done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False)
        text = f"{done.returncode}\n{done.stdout}\n{done.stderr if done.returncode else ''}"  # else it is progress, by the clock
        Path(f"printed-{number:02}-{arguments[0]}.txt").write_text(text)
        print(f"{Path.cwd().name}: {' '.join(arguments)[:100]} -> {done.returncode}", flush=True)
    script.unlink()


def masked(text: str) -> str:
    """Return a text without what may differ."""
    for pattern, replacement in (*VARIES, *RENAMED):
        text = re.sub(pattern, replacement, text)
    return text


def content(path: Path) -> dict[str, bytes]:
    """Return what is compared of a file, by name."""
    if path.suffix == ".sablier":
        with safe_open(path, "numpy") as file:
            tensors = {masked(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
            said = json.loads(file.metadata()["content"])
        described = {name: f"{value.dtype}{value.shape}".encode() + value.tobytes() for name, value in tensors.items()}
        histories = {masked(name): {**history, "seconds": 0} for name, history in said["histories"].items()}
        return described | {
            "histories": masked(json.dumps(histories, sort_keys=True)).encode(),
            "preprocess": json.dumps(said["preprocess"], sort_keys=True).encode(),
            "filtered": json.dumps(said["provenance"]["filtered"]).encode(),
        }
    data = path.read_bytes()
    if path.name.endswith(BY_THE_CLOCK):
        return {}
    if path.name.endswith(".sha256"):  # as threads ended
        return {"text": masked("\n".join(sorted(line.partition("  ")[2] for line in data.decode().splitlines()))).encode()}
    if path.suffix == ".csv":
        rows = list(csv.reader(data.decode().splitlines()))
        timed = {column for column, name in enumerate(rows[0] if rows else []) if "seconds" in name}
        return {"rows": str([[value for column, value in enumerate(row) if column not in timed] for row in rows]).encode()}
    if path.suffix in (".txt", ".json", ".html"):
        return {"text": masked(data.decode()).encode()}
    return {"bytes": data}


def differences(before: Path, after: Path) -> list[str]:
    """Return what is not equal, one line each."""
    names = {
        side: {str(path.relative_to(side)) for path in side.rglob("*") if path.is_file() and path.suffix != ".lock"}
        for side in (before, after)
    }
    found = [f"{name}: only {'before' if name in names[before] else 'after'}" for name in sorted(names[before] ^ names[after])]
    for name in sorted(names[before] & names[after]):
        old, new = content(before / name), content(after / name)
        different = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        if different:
            found.append(f"{name}: {len(different)} of {len(old)} differ: {', '.join(different[:6])}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the last commit before the change")
    parser.add_argument("--keep", type=Path, help="keep what was written in this folder")
    args = parser.parse_args()
    work = args.keep or Path(tempfile.mkdtemp(prefix="sablier-freeze-"))
    checkout, sides = work / "checkout", (work / "before", work / "after")
    for side in sides:
        shutil.rmtree(side, ignore_errors=True)
    shutil.rmtree(checkout, ignore_errors=True)
    checkout.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", args.commit, "src"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x"], cwd=checkout, input=archive.stdout, check=True)
    running = [run_all(source, side) for source, side in zip((checkout, ROOT), sides, strict=True)]
    ended = [process.wait() for process in running]
    found = differences(*sides)
    codes = [path.name for path in sides[1].glob("printed-*.txt") if path.read_text().split("\n", 1)[0] != "0"]
    files = sum(path.is_file() for path in sides[1].rglob("*"))
    if args.keep is None:
        shutil.rmtree(work)
    for line in found:
        print(line)
    if codes:
        print(f"ended in an error: {', '.join(sorted(codes))}")
    print(f"{files} files compared, {len(found)} differ.")
    sys.exit(bool(found or codes or any(ended)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run_commands(Path(sys.argv[2]))
    else:
        main()

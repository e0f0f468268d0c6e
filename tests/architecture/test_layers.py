"""The house keeps its order: a package imports only what stands to its left. Nothing here runs the code it reads."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sablier"
FILES = sorted(SOURCE.rglob("*.py"))

# From left to right; rooms on one line do not import each other.
ORDER = [
    ["typing"],
    ["errors"],
    ["limits", "registry", "quantiles"],
    ["files"],
    ["images"],
    ["metrics", "calibration", "baselines"],
    ["monitoring"],
    ["models"],
    ["backbones"],
    ["transforms"],
    ["part_fit", "part_kinds"],
    ["modelfile"],
    ["training"],
    ["tasks"],
    ["recipes", "graphs"],
    ["report"],
    ["workflows"],
    ["estimators", "course", "serve"],
    ["cli"],
    ["__main__"],
]
PLACE = {room: place for place, rooms in enumerate(ORDER) for room in rooms}
NO_TORCH = ("part_fit", "errors", "registry", "quantiles", "files", "images", "metrics", "calibration", "baselines", "monitoring")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> set[str]:
    """Return the dotted names a file imports anywhere, also inside functions and under TYPE_CHECKING."""
    names: set[str] = set()
    package = ["sablier", *file.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
            base = base if node.level else str(node.module)
            names |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return names


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def label(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def rooms_imported(file: Path) -> set[str]:
    """Return the rooms of sablier a file imports; the root, for its version alone, is free to all."""
    dotted = [name.split(".") for name in imports(file)]
    return {parts[1] for parts in dotted if parts[0] == "sablier" and len(parts) > 1 and parts[1] in PLACE}


def breaches(room: str, imported: set[str]) -> set[str]:
    return {other for other in imported if other != room and PLACE[other] >= PLACE[room]}


def test_a_package_imports_only_what_stands_to_its_left():
    rooms = {file: room_of(file) for file in FILES if room_of(file) != "__init__"}
    assert set(rooms.values()) <= set(PLACE), "a new room: give it a place in ORDER, and in docs/architecture.md"
    found = {label(file): breaches(room, rooms_imported(file)) for file, room in rooms.items()}
    assert {name: others for name, others in found.items() if others} == {}


def test_the_check_sees_a_breach():
    assert breaches("images", {"errors", "models"}) == {"models"}
    assert breaches("metrics", {"calibration", "images"}) == {"calibration"}
    assert "training" in rooms_imported(SOURCE / "cli" / "time_left.py")  # an import under TYPE_CHECKING counts too


def test_the_rooms_before_the_models_know_no_torch():
    files = [file for file in FILES if room_of(file) in NO_TORCH]
    assert {room_of(file) for file in files} == set(NO_TORCH)
    assert [label(file) for file in files if "torch" in packages(file)] == []


def test_nothing_needs_torchvision_or_runs_what_it_loads():
    forbidden = {"torchvision", "lightning", "pytorch_lightning", "pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    found = {label(file): (packages(file) & forbidden) | unsafe_calls(file) for file in FILES}
    # The weights of a package: bytes whose SHA-256 is known, tensors and nothing else. Here is the one call, as it is written.
    allowed = found.pop("models/efficientnet_lite.py")
    assert allowed == {"torch.load"}
    assert calls_of(SOURCE / "models" / "efficientnet_lite.py", "torch.load") == [
        "torch.load(io.BytesIO(raw), map_location='cpu', weights_only=True)"
    ]
    assert {name: what for name, what in found.items() if what} == {}


def test_the_programs_of_backbone_files_are_loaded_in_one_place():
    found = {label(file): calls_of(file, "torch.export.load") + calls_of(file, "onnxruntime.InferenceSession") for file in FILES}
    loading = {name for name, calls in found.items() if calls}
    own = {"graphs/int8.py"}  # a graph that the same call made
    assert loading == {"backbones/formats/torch_export.py", "backbones/formats/onnx.py"} | own


def test_no_test_leans_on_pickled_files():
    # pickle itself is allowed here: what people send between processes has to survive it.
    files = sorted((ROOT / "tests").rglob("*.py"))
    assert Path(__file__) in files
    leaning = ("torch.", "joblib.", "np.load")
    found = {str(file): {call for call in unsafe_calls(file) if call.startswith(leaning)} for file in files}
    assert {name: calls for name, calls in found.items() if calls} == {}


def packages(file: Path) -> set[str]:
    """Return the packages a file imports from, its own among them."""
    return {name.split(".")[0] for name in imports(file)}


def calls_of(file: Path, name: str) -> list[str]:
    """Return the calls of a function in a file, as they are written."""
    calls = [node for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if ast.unparse(call.func) == name]


def unsafe_calls(file: Path) -> set[str]:
    """Return calls that unpickle: torch.load and torch.save, joblib, and allow_pickle=True."""
    found = set()
    for node in ast.walk(tree(file)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("torch.load", "torch.save", "joblib.load", "joblib.dump", "eval", "exec"):
            found.add(called)
        if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords):
            found.add(f"{called}(allow_pickle)")
    return found


def loaded_after(code: str) -> set[str]:
    """Return which heavy libraries a fresh Python has loaded after running `code`."""
    heavy = ("torch", "sklearn", "scipy", "matplotlib", "numpy")
    script = f"import sys\n{code}\nprint('\\nLOADED', *[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_importing_sablier_loads_no_torch():
    assert loaded_after("import sablier") == set()


def test_help_loads_no_torch():
    code = "sys.argv = ['sablier', '--help']\nfrom sablier.cli.main import run\ntry:\n    run()\nexcept SystemExit:\n    pass"
    assert loaded_after(code) == set()


def test_reading_images_loads_no_torch():
    assert "torch" not in loaded_after("import sablier\nsablier.load_dataset('digits')")

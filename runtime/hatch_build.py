"""Builds the wheel: the modules of sablier that `shared_modules.txt` lists become `sablier_runtime.core`.

The source of a shared module stands once, in `src/sablier`. Wherever a shared module or one of `src/sablier_runtime` names
another, as `sablier.images`, the wheel names `sablier_runtime.core.images`.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
SHARED, OWN = HERE.parent / "src" / "sablier", HERE / "src" / "sablier_runtime"


class SharedModules(BuildHookInterface):  # type: ignore[misc, type-arg, unused-ignore]
    """Puts the rewritten modules into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write them to a temporary folder."""
        if version == "editable":
            raise RuntimeError("expected a regular installation, got an editable one. Type: pip install ./runtime")
        self.folder = Path(tempfile.mkdtemp())
        for name, text in packed_modules().items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        build_data["force_include"][str(self.folder)] = "sablier_runtime"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


def packed_modules() -> dict[str, str]:
    """Return the text of each module of the wheel, by its path below `sablier_runtime`.

    A package whose `__init__.py` is not listed gets an empty one.
    """
    listed = (HERE / "shared_modules.txt").read_text(encoding="utf-8").split()
    packages = {parent for name in listed for parent in Path(name).parents}
    found = {(Path("core") / package / "__init__.py").as_posix(): "" for package in packages}
    files = {f"core/{name}": SHARED / name for name in listed}
    files |= {path.relative_to(OWN).as_posix(): path for path in OWN.rglob("*.py")}
    rooms = "|".join(sorted({Path(name).parts[0].removesuffix(".py") for name in listed}))
    of_shared = re.compile(rf"(?<![\w./-])sablier\.(?=({rooms})\b)")
    found |= {name: of_shared.sub("sablier_runtime.core.", path.read_text(encoding="utf-8")) for name, path in files.items()}
    return {**found, "py.typed": "", "LICENSE": (HERE.parent / "LICENSE").read_text(encoding="utf-8")}

"""Images that requests name: below folders that the server was told, wherever links lead."""

from collections.abc import Sequence
from pathlib import Path

from sablier.images.walking import walked
from sablier.serve.problems import Problem


def below_a_root(text: str, roots: Sequence[Path]) -> Path:
    """Return the file or folder that a request names, relative to a root or in full.

    Args:
        text: what the request says.
        roots: the folders.

    Raises:
        Problem: if there is no such file below a root, or a file in the folder is a link to one elsewhere.
    """
    if not roots:
        raise Problem(422, "this server reads no images from its disk: it was started without --root. Upload them.")
    resolved = [root.resolve() for root in roots]
    for root in resolved:
        try:
            path = (root / text).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            continue
        if _is_below(path, resolved):
            _check_links(path, resolved)
            return path
    raise Problem(404, f"expected a file or folder below one of the roots of this server, got {text[:200]!r}.")


def _is_below(path: Path, roots: Sequence[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _check_links(folder: Path, roots: Sequence[Path]) -> None:
    if not folder.is_dir():
        return
    for found in walked(folder, lambda name, error: None):
        if not found.fault and not _is_below((folder / found.name).resolve(), roots):
            raise Problem(422, f"{found.name!r} in the folder is a link to a file that is not below a root of this server.")

"""A file is told by what is in it."""

from pathlib import Path

import pytest

from sablier.errors import OutputError
from sablier.files.kinds import BY_SUFFIX, CODES, GIF, MODEL, NPZ, PAGE, PNG, check_replaces


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (PNG, b"\x89PNG\r\n\x1a\n....", b"\xff\xd8\xff a photo"),
        (GIF, b"GIF89a", b"\x89PNG\r\n\x1a\n"),
        (NPZ, b"PK\x03\x04", b"id,model,z0"),
        (CODES, b"id,label,model,z0,z1\r\n", b"name,price\r\n"),
        (PAGE, b"<!doctype html><p>Written by sablier 0.1.0", b"<!doctype html><p>My own page"),
    ],
)
def test_only_its_own_kind_is_replaced(tmp_path: Path, kind, good: bytes, bad: bytes):
    path = tmp_path / "file"
    check_replaces(path, kind)
    for data in (b"", good):
        path.write_bytes(data)
        check_replaces(path, kind)
    path.write_bytes(bad)
    with pytest.raises(OutputError, match=f"is there already and is not {kind.name}, so it is not replaced"):
        check_replaces(path, kind)
    assert path.read_bytes() == bad


def test_models_replace_models_and_no_other_tensors(tmp_path: Path, digits_file: Path):
    check_replaces(digits_file, MODEL)
    with pytest.raises(OutputError, match=r"not a page written by sablier"):
        check_replaces(digits_file, PAGE)
    from safetensors.numpy import save

    (tmp_path / "other").write_bytes(save({}, {"format": "pt"}))
    with pytest.raises(OutputError, match=r"not a \.sablier model"):
        check_replaces(tmp_path / "other", MODEL)


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(OutputError, match="is a folder"):
        check_replaces(tmp_path, BY_SUFFIX[".png"])

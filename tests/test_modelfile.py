"""The .sablier file: what was written comes back, and nothing else does."""

import errno
import hashlib
import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save_file

from sablier import modelfile
from sablier.errors import ModelFileError, OutputError
from sablier.modelfile import ModelFile, Part, pack, unpack
from sablier.tasks.detection.detect import Detector
from sablier.tasks.known_part import KNOWN
from sablier.training.checkpoint import Checkpoint

TENSORS: dict[str, np.ndarray] = {"net/weight": np.arange(6, dtype=np.float32).reshape(2, 3), "net/steps": np.array(7, np.int64)}
SMALL = pack("model", '{"a": "é"}', TENSORS)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modelfile") / "file.sablier"


def refused(path: Path, data: bytes) -> str:
    """Write `data`, expect it to be refused, and return the message."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        unpack("model", path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def with_checksum(metadata: dict[str, str]) -> bytes:
    """Return a file of metadata alone whose checksum is right: what an attacker can make too."""
    text = json.dumps({"__metadata__": {**metadata, "sha256": "0" * 64}}, separators=(",", ":")).encode()
    data = struct.pack("<Q", len(text)) + text
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


def test_what_was_packed_comes_back(scratch):
    scratch.write_bytes(SMALL)
    text, tensors = unpack("model", scratch)
    assert text == '{"a": "é"}'
    assert tensors.keys() == TENSORS.keys()
    for key, value in TENSORS.items():
        assert tensors[key].dtype == value.dtype
        assert tensors[key].shape == value.shape
        assert np.array_equal(tensors[key], value)


def test_any_safetensors_reader_opens_it(scratch):
    from safetensors import safe_open

    scratch.write_bytes(SMALL)
    with safe_open(scratch, "numpy") as file:
        assert set(file.keys()) == set(TENSORS)
        assert file.metadata()["format"] == "sablier model"


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(0, 3), max_size=4),
)
@settings(deadline=None)
def test_any_text_and_names_come_back(scratch, text, sizes):
    tensors = {name: np.arange(size, dtype=np.float32) for name, size in sizes.items() if name != "__metadata__"}
    scratch.write_bytes(pack("model", text, tensors))
    came, arrays = unpack("model", scratch)
    assert came == text
    assert {name: array.tolist() for name, array in arrays.items()} == {key: value.tolist() for key, value in tensors.items()}


def test_truncated_at_any_byte_is_refused(scratch):
    for length in range(len(SMALL)):
        refused(scratch, SMALL[:length])


def test_altered_at_any_bit_is_refused(scratch):
    for position in range(len(SMALL)):
        for bit in range(8):
            altered = bytearray(SMALL)
            altered[position] ^= 1 << bit
            refused(scratch, bytes(altered))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_real_file_truncated_or_altered_is_refused(scratch, digits_file, data):
    whole = digits_file.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    refused(scratch, whole[:position])
    altered = bytearray(whole)
    altered[position] ^= 1 << data.draw(st.integers(0, 7))
    refused(scratch, bytes(altered))


@given(st.binary(min_size=1, max_size=30), st.integers(0, len(SMALL)))
@settings(deadline=None)
def test_bytes_put_in_are_refused(scratch, extra, position):
    refused(scratch, SMALL[:position] + extra + SMALL[position:])


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_are_refused(scratch, data):
    assert "not a sablier file" in refused(scratch, data)


def test_a_newer_version_says_to_upgrade(scratch, monkeypatch):
    monkeypatch.setattr(modelfile, "VERSION", 2)
    newer = pack("model", "{}", {})
    monkeypatch.undo()
    assert "has version 2; this sablier reads up to 1. Upgrade sablier" in refused(scratch, newer)


@pytest.mark.parametrize("version", ["9" * 5000, "²", "", "-1", "banana", "\ud800"])
def test_a_version_that_is_none_is_refused(scratch, version):
    refused(
        scratch, with_checksum({"format": "sablier model", "version": version, "content": "{}"}).replace(b'"sha256"', b'"sha25x"')
    )


@pytest.mark.parametrize("version", ["0", "00", "-1", "1.0", "banana", ""])
def test_a_version_that_no_sablier_writes_is_refused_under_a_right_checksum(scratch, version):
    message = refused(scratch, with_checksum({"format": "sablier model", "version": version, "content": "{}"}))
    assert f"has version {version!r}, which no sablier writes; expected 1" in message


@pytest.mark.parametrize("digest", ["", "x", "\ud800", "0" * 64, "F" * 64])
def test_a_checksum_that_is_none_is_refused(scratch, digest):
    text = json.dumps({"__metadata__": {"format": "sablier model", "version": "1", "sha256": digest, "content": "{}"}}).encode()
    refused(scratch, struct.pack("<Q", len(text)) + text)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**64 - 1) + b"{}" * 100,
        struct.pack("<Q", 0),
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 20) + b'{"__metadata__":1   }',
        struct.pack("<Q", 25) + b'{"__metadata__":{"a":1} }  ',
    ],
)
def test_a_hostile_header_is_refused(scratch, header):
    assert "not a sablier file" in refused(scratch, header)


def test_a_plain_safetensors_file_is_not_ours(tmp_path):
    save_file({"a": np.zeros(3)}, tmp_path / "plain.safetensors")
    refused(tmp_path / "plain.safetensors", (tmp_path / "plain.safetensors").read_bytes())
    save_file({"a": np.zeros(3)}, tmp_path / "named.safetensors", {"format": "pt"})
    message = refused(tmp_path / "named.safetensors", (tmp_path / "named.safetensors").read_bytes())
    assert "is not a sablier model file: its format is 'pt'" in message


def test_a_picture_is_not_ours(tmp_path):
    Image.new("L", (40, 40), 128).save(tmp_path / "a.png")
    with pytest.raises(ModelFileError, match=r"a\.png is not a sablier file"):
        ModelFile.load(tmp_path / "a.png")


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ModelFileError, match=r"there is no model file .*Train one with: sablier train IMAGES"):
        ModelFile.load(tmp_path / "none.sablier")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        ModelFile.load(tmp_path)


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint(tmp_path, digits_file):
    empty = Checkpoint(epoch=1, model={}, average={}, optimizers={}, history={}, identity={})
    empty.save(tmp_path / "checkpoint")
    assert Checkpoint.load(tmp_path / "checkpoint").epoch == 1
    with pytest.raises(ModelFileError, match="is not a sablier model file: its format is 'sablier checkpoint'"):
        ModelFile.load(tmp_path / "checkpoint")
    with pytest.raises(ModelFileError, match="is not a sablier checkpoint file: its format is 'sablier model'"):
        Checkpoint.load(digits_file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"task": 3}, "Input should be 'detect'"),
        ({"surprise": 1}, "Extra inputs"),
        ({"preprocess": {"height": 0, "width": 8, "channels": 1}}, "greater than or equal"),
        ({"preprocess": {"height": 8, "width": 8, "channels": 2}}, "Input should be 1 or 3"),
        ({"preprocess": {"height": 8, "width": 8, "channels": 1, "black": 1, "white": 1}}, "black below white"),
        ({"provenance": {}}, "Field required"),
        ({"parts": {"a": {"name": "n", "run": "rm"}}}, "Extra inputs"),
    ],
)
def test_metadata_that_is_not_valid_is_refused(scratch, digits_file, change, reason):
    text, tensors = unpack("model", digits_file)
    scratch.write_bytes(pack("model", json.dumps(json.loads(text) | change), tensors))
    with pytest.raises(ModelFileError, match=f"what it says of itself is not valid: .*{reason}"):
        ModelFile.load(scratch)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{}", "nonsense"])
def test_content_that_is_no_metadata_is_refused(scratch, text):
    scratch.write_bytes(pack("model", text, {}))
    with pytest.raises(ModelFileError, match="not valid"):
        ModelFile.load(scratch)


def test_everything_of_a_model_file_comes_back(scratch, digits_file):
    first = ModelFile.load(digits_file)
    first.save(scratch)
    again = ModelFile.load(scratch)
    for name in ("task", "preprocess", "histories", "provenance"):
        assert getattr(again, name) == getattr(first, name)
    assert again.parts.keys() == first.parts.keys()
    for name, part in first.parts.items():
        assert (again.parts[name].name, again.parts[name].config) == (part.name, part.config)
        assert again.parts[name].tensors.keys() == part.tensors.keys()
        assert all(np.array_equal(again.parts[name].tensors[key], value) for key, value in part.tensors.items())


def test_a_part_that_names_code_runs_nothing(digits_file):
    file = ModelFile.load(digits_file)
    hostile = replace(file, parts={**file.parts, "fold-0/restoration/net": Part("os.system", {"shape": [8, 8, 1]}, {})})
    with pytest.raises(ModelFileError, match="unknown model"):
        Detector.from_file(hostile)


@pytest.mark.parametrize(
    "config",
    [{}, {"shape": [8, 8]}, {"shape": "eight"}, {"shape": [8, 8, 1], "latent": -1}, {"shape": [8, 8, 1], "latent": "many"},
     {"shape": [8, 8, 1], "latent": 10**15}, {"shape": [8, 8, 1], "name": "x"}, {"shape": [28, 28, 1]}],
)  # fmt: skip
def test_a_part_whose_configuration_does_not_fit_is_refused(digits_file, config):
    file = ModelFile.load(digits_file)
    part = replace(file.parts["fold-0/restoration/net"], config=config)
    with pytest.raises(ModelFileError, match="lacks a part of a detector"):
        Detector.from_file(replace(file, parts={**file.parts, "fold-0/restoration/net": part}))


def test_a_detector_that_lacks_a_part_is_refused(digits_file):
    file = ModelFile.load(digits_file)
    for name in set(file.parts) - {KNOWN}:  # which the verbs ask for, not the detector
        fewer = {key: part for key, part in file.parts.items() if key != name}
        with pytest.raises(ModelFileError, match="lacks a part of a detector"):
            Detector.from_file(replace(file, parts=fewer))
    with pytest.raises(ModelFileError, match="lacks a part of a detector"):
        Detector.from_file(replace(file, parts={"calibration": file.parts["calibration"]}))


def test_a_model_of_another_task_does_not_detect(digits_file):
    with pytest.raises(ModelFileError, match="expected a model that detects, got one trained to dream"):
        Detector.from_file(replace(ModelFile.load(digits_file), task="dream"))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_leaves_the_old_model_whole(tmp_path, digits_file, monkeypatch, call):
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "m.sablier"
    target.write_bytes(digits_file.read_bytes())
    file = ModelFile.load(target)
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutputError, match="No space left on device"):
        replace(file, histories={}).save(target)
    monkeypatch.undo()
    assert target.read_bytes() == digits_file.read_bytes()
    assert os.listdir(tmp_path) == ["m.sablier"]
    Detector.from_file(ModelFile.load(target))


def test_a_model_file_is_small(digits_file):
    assert digits_file.stat().st_size < 400_000

"""Latents: kept in a file and read again bit by bit; what is no file of latents, or of another model, is refused."""

import sys

import numpy as np
import pytest

from sablier.errors import ConfigError, ImagesError
from sablier.images.preprocess import Preprocess
from sablier.models import create_model
from sablier.tasks.latent.latents import Latents, fingerprint

RULE = Preprocess(height=8, width=8, channels=1)


@pytest.fixture
def latents():
    codes = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    codes[0] = [1e-30, -0.0, 1e30]
    ids = ["a.png", "ä, 1.png", 'b"c', "new\nline", "9"]
    return Latents(np.array(ids), codes, np.array(["x", "y", "", "x", "ü"]), "00ff" * 4)


@pytest.mark.parametrize("suffix", ["npz", "csv", "CSV", "parquet"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_gives_back_what_was_kept(latents, tmp_path, suffix, labelled):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    kept = latents if labelled else Latents(latents.ids, latents.codes, None, latents.model)
    path = tmp_path / "new" / f"z.{suffix}"
    kept.save(path)
    again = Latents.load(path, kept.model)
    assert again.codes.dtype == np.float32
    assert np.array_equal(again.codes, kept.codes)
    assert again.ids.tolist() == kept.ids.tolist()
    assert (again.labels is None) == (not labelled)
    if labelled:
        assert again.labels.tolist() == kept.labels.tolist()
    assert again.model == kept.model


def test_latents_of_another_model_are_refused(latents, tmp_path):
    for name in ("z.npz", "z.csv"):
        latents.save(tmp_path / name)
        assert len(Latents.load(tmp_path / name)) == 5
        with pytest.raises(ImagesError, match="made by another model"):
            Latents.load(tmp_path / name, "1234")


def test_rows_of_two_models_do_not_make_a_table(latents, tmp_path):
    latents.save(tmp_path / "z.csv")
    text = (tmp_path / "z.csv").read_text()
    (tmp_path / "z.csv").write_text(text + "c,x,abcd,1,2,3\n")
    with pytest.raises(ImagesError, match="2 models"):
        Latents.load(tmp_path / "z.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("z.npz", b"", "holds no latents"),
        ("z.npz", b"PK\x03\x04 torn", "holds no latents"),
        ("z.csv", b"", "holds no latents"),
        ("z.csv", b"id,mse\na,1\n", "holds no latents"),
        ("z.csv", b"id,model,z0\na,00ff,many\n", "holds no latents"),
        ("z.csv", b"id,model,z0,z1\na,00ff,1\n", "holds no latents"),
        ("z.csv", b"id,model,z0\na,00ff,nan\n", "finite"),
    ],
)
def test_a_file_that_holds_none_is_said_so(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImagesError, match=message):
        Latents.load(tmp_path / name)


def test_an_array_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "z.npz", images=np.zeros((3, 8, 8)))
    with pytest.raises(ImagesError, match="holds no latents"):
        Latents.load(tmp_path / "z.npz")


def test_what_has_no_such_name_or_place(latents, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"end in \.npz, \.csv, \.parquet, got 'z\.txt'"):
        latents.save(tmp_path / "z.txt")
    with pytest.raises(ImagesError, match="there is no file of latents"):
        Latents.load(tmp_path / "z.npz")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="takes pyarrow, which is not installed"):
        latents.save(tmp_path / "z.parquet")


def test_columns_belong_to_codes():
    with pytest.raises(ImagesError, match="expected 2 ids"):
        Latents(np.array(["a"]), np.zeros((2, 3)))
    with pytest.raises(ImagesError, match="expected 2 labels"):
        Latents(np.array(["a", "b"]), np.zeros((2, 3)), np.array(["x"]))
    with pytest.raises(ImagesError, match="N,d"):
        Latents(np.array(["a", "b"]), np.zeros(2))
    with pytest.raises(ImagesError, match="finite"):
        Latents(np.array(["a"]), np.full((1, 2), np.inf))


def test_a_part_of_them(latents):
    some = latents.take([3, 0])
    assert some.ids.tolist() == ["new\nline", "a.png"]
    assert some.to_table()[1] == {
        "id": "a.png",
        "label": "x",
        **dict(zip(("z0", "z1", "z2"), latents.codes[0].tolist(), strict=True)),
    }
    assert latents.to_json()["numbers"] == 3


def test_a_fingerprint_tells_encoders_apart():
    model = create_model("bottleneck", (8, 8, 1), latent=4, width=8)
    same, rule = fingerprint(model, RULE), Preprocess(height=8, width=8, channels=1, white=15)
    assert fingerprint(model, RULE) == same
    assert len(same) == 16
    assert fingerprint(model, rule) != same
    next(model.parameters()).data.flatten()[0] += 1e-3
    assert fingerprint(model, RULE) != same

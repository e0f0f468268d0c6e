"""Images behind URLs: from a local server of S3, and from a file system that fails."""

import io
import sys
import warnings
import zipfile
from urllib.request import Request, urlopen

import fsspec
import numpy as np
import pytest
from shaky_files import Shaky, png

from sablier.errors import ImagesError, PackageError
from sablier.images import read_images, stream_images
from sablier.images.formats import remote
from sablier.images.formats.base import Portion
from sablier.images.sources import place_of, stream_portion


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.001)


@pytest.fixture
def shaky(monkeypatch):
    """The file system behind shaky://, with six images in a folder."""
    fsspec.register_implementation("shaky", Shaky, clobber=True)
    monkeypatch.setattr(Shaky, "files", {f"box/{index}.png": png(10 * index) for index in range(6)})
    monkeypatch.setattr(Shaky, "failures", {})
    monkeypatch.setattr(Shaky, "reads", [])
    return Shaky


def test_a_read_that_fails_is_tried_again(shaky):
    shaky.failures |= {"box/1.png": 3, "box/4.png": 4}
    (images,) = stream_images("shaky://box", chunk=10)
    assert images.ids.tolist() == ["0.png", "1.png", "2.png", "3.png", "5.png"]
    assert [images[index].flat[0] for index in range(5)] == [0, 10, 20, 30, 50]
    (skipped,) = images.skipped
    assert skipped.id == "4.png"
    assert "it could not be read in 4 attempts (connection reset)" in skipped.reason
    shaky.failures["box/4.png"] = 4
    with pytest.raises(ImagesError, match=r"4\.png.*4 attempts"):
        read_images("shaky://box", strict=True)


def test_a_read_that_never_ends_is_given_up(shaky, monkeypatch):
    monkeypatch.setattr(remote, "TIMEOUT_SECONDS", 0.05)
    shaky.files["box/slow.png"] = png(0)
    (images,) = stream_images("shaky://box", chunk=10)
    assert len(images) == 6
    assert [item.id for item in images.skipped] == ["slow.png"]
    assert "Timeout" in images.skipped[0].reason


def test_what_may_not_be_read_is_not_tried_again(shaky):
    shaky.files["box/secret.png"] = png(0)
    (images,) = stream_images("shaky://box", chunk=10)
    assert "it may not be read (Access Denied). Check the credentials" in images.skipped[0].reason
    assert shaky.reads.count("box/secret.png") == 1


def test_an_image_of_a_stream_is_read_once_and_only_if_wanted(shaky):
    for images in stream_images("shaky://box", chunk=4):
        assert [image.shape for image in images] == [(8, 8, 1)] * len(images)
    assert sorted(shaky.reads) == sorted(shaky.files)
    shaky.reads.clear()
    portion = Portion(range(1, 2), lambda id: id == "5.png")
    (images,) = stream_portion("shaky://box", portion, chunk=4)
    assert images.ids.tolist() == ["5.png"]
    assert shaky.reads == ["box/5.png"]


def test_labels_hidden_files_and_selections_are_those_of_a_folder(shaky):
    shaky.files |= {"box/good/7.png": png(1), "box/bad/8.png": png(2), "box/.hidden/9.png": png(3), "box/notes.txt": b"text"}
    assert read_images("shaky://box[label=good,bad]").ids.tolist() == ["bad/8.png", "good/7.png"]
    assert read_images("shaky://box/good/7.png").ids.tolist() == ["7.png"]
    assert place_of("shaky://box") is None
    with pytest.raises(ImagesError, match="labels means nothing for a source of kind remote images"):
        read_images("shaky://box", labels=[1])
    shaky.files.clear()
    shaky.files |= {"box/notes.txt": b"text"}
    with pytest.raises(ImagesError, match=r"found none that can be read\. It holds 1 \.txt"):
        read_images("shaky://box")


def test_other_files_are_copied_and_read_as_such(shaky):
    archive, array = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.png", png(5))
    np.savez(array, x=np.full((3, 8, 8), 4, np.uint8), other=np.full((2, 8, 8), 9, np.uint8))
    shaky.files |= {"tar/images.zip": archive.getvalue(), "tar/arrays.npz": array.getvalue()}
    images = read_images("shaky://tar/images.zip")
    assert (images.ids.tolist(), images.source) == (["a.png"], "shaky://tar/images.zip")
    assert images[0].flat[0] == 5
    assert len(read_images("shaky://tar/arrays.npz:other")) == 2


def test_what_is_not_there_and_what_is_no_url_of_ours(shaky):
    with pytest.raises(ImagesError, match=r"shaky://nowhere: there is no such bucket, folder or file"):
        read_images("shaky://nowhere")
    with pytest.raises(ImagesError, match=r"none://x: expected a URL such as s3://bucket/photos"):
        read_images("none://x")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(PackageError, match=r"gs:// needs packages that are not installed\. Run: pip install 'gcsfs'"):
        read_images("gs://bucket/photos")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(PackageError, match=r"s3:// needs packages that are not installed\. Run: pip install 'sablier\[remote\]'"):
        read_images("s3://bucket/photos")


@pytest.fixture(scope="module")
def bucket():
    """A local server of S3, with a bucket of six images."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        server = moto.ThreadedMotoServer(port=0)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://{host}:{port}"), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):  # fmt: skip
            patch.setenv(name, value)
        import s3fs

        system = s3fs.S3FileSystem()
        system.mkdir("bucket")
        for index in range(6):
            system.pipe_file(f"bucket/photos/{'good' if index < 3 else 'bad'}/{index}.png", png(10 * index))
        system.pipe_file("bucket/arrays.npy", _npy(np.zeros((4, 8, 8), np.uint8)))
        yield f"http://{host}:{port}"
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()


def _npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_a_bucket_is_read(bucket):
    images = read_images("s3://bucket/photos")
    assert images.ids.tolist() == ["bad/3.png", "bad/4.png", "bad/5.png", "good/0.png", "good/1.png", "good/2.png"]
    assert images.labels.tolist() == ["bad"] * 3 + ["good"] * 3
    assert [int(image.flat[0]) for image in images] == [30, 40, 50, 0, 10, 20]
    assert read_images("s3://bucket/arrays.npy").shape == (8, 8, 1)
    with pytest.raises(ImagesError, match=r"s3://bucket/nothing: there is no such bucket, folder or file"):
        read_images("s3://bucket/nothing")
    with pytest.raises(ImagesError, match=r"s3://no-such-bucket/photos: there is no such bucket, folder or file"):
        read_images("s3://no-such-bucket/photos")


def test_wrong_credentials_and_an_unreachable_bucket_are_said_so(bucket, monkeypatch):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    _check_keys_after(bucket, "0")
    try:
        with pytest.raises(ImagesError, match=r"s3://bucket/photos: it may not be read .*Check the credentials"):
            read_images("s3://bucket/photos")
    finally:
        _check_keys_after(bucket, "inf")
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ImagesError, match=r"s3://bucket/photos: it could not be read in 4 attempts .*Check the network"):
        read_images("s3://bucket/photos")
    s3fs.S3FileSystem.clear_instance_cache()


def _check_keys_after(server, requests):
    """Let the server check the credentials after so many requests."""
    ask = Request(f"{server}/moto-api/reset-auth", requests.encode(), {"Content-Type": "text/plain"}, method="POST")
    urlopen(ask).close()

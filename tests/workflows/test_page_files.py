"""The folder of files beside a page: replaced as a whole, without strays, and never at the cost of the user's files."""

import pytest

from sablier.errors import OutputError, OutputWarning
from sablier.workflows.page_files import files_beside, files_folder


def write(page, files):
    with files_beside(page, "evaluate") as folder:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


def below(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".sha256"
    }


@pytest.fixture
def page(tmp_path):
    return tmp_path / "page 1.html"


def test_the_next_run_leaves_no_strays(page):
    write(page, {"photos/a.png": "a", "maps/b.png": "b"})
    write(page, {"photos/a.png": "A"})
    assert below(files_folder(page)) == {"photos/a.png": "A"}
    assert sorted(path.name for path in page.parent.iterdir()) == ["page 1_files"]
    assert [path.name for path in files_folder(page).iterdir() if path.is_dir()] == ["photos"]


def test_a_run_that_fails_changes_nothing(page):
    write(page, {"a.png": "a"})
    with pytest.raises(ZeroDivisionError), files_beside(page, "evaluate") as folder:  # noqa: PT012
        folder.mkdir()
        (folder / "a.png").write_text("other")
        raise ZeroDivisionError
    assert below(page.parent) == {"page 1_files/a.png": "a"}


def test_what_a_killed_run_left_is_removed(page):
    stray = page.with_name(".page 1_files.new") / "x.png"
    stray.parent.mkdir()
    stray.write_text("x")
    write(page, {"a.png": "a"})
    assert below(page.parent) == {"page 1_files/a.png": "a"}


def test_files_of_the_user_are_kept(page):
    write(page, {"a.png": "a"})
    (files_folder(page) / "mine.txt").write_text("mine")
    (files_folder(page) / "a.png").write_text("drawn over")
    with pytest.warns(OutputWarning, match="It is kept as"):
        write(page, {"a.png": "b"})
    assert below(files_folder(page)) == {"a.png": "b", "a-kept.png": "drawn over", "mine.txt": "mine"}


def test_a_file_of_that_name_is_not_replaced(page):
    files_folder(page).write_text("precious")
    with pytest.raises(OutputError, match=r"page 1_files is a file, and the pictures of page 1\.html belong in a folder"):
        write(page, {"a.png": "a"})
    assert files_folder(page).read_text() == "precious"


def test_images_in_that_folder_are_not_mixed_with_pictures(page):
    files_folder(page).mkdir()
    with pytest.raises(OutputError, match="is or shares the folder of the images"), files_beside(page, "e", files_folder(page)):
        pass

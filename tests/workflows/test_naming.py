"""Where pictures go: in a time that grows with their number alone, and none where another needs a folder."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sablier.report.anomaly_maps import file_names
from sablier.workflows.naming import picture_path, picture_paths

NAMES = st.lists(
    st.sampled_from(["a", "A", "a.png", "b/a", "a.png/b", "A.PNG/b", "a-2", "a.npy/c", "..", "a/b.png/c"]), max_size=30
)


@pytest.mark.parametrize("names", [picture_paths, lambda output, ids: file_names(ids)])
def test_many_equal_names_are_numbered_at_once(names):
    start = time.process_time()
    found = names(Path("out"), ["same.png"] * 20_000)
    assert len(set(found)) == 20_000
    assert time.process_time() - start < 10  # 4,000 took minutes


@given(NAMES)
def test_all_pictures_can_lie_in_one_folder(ids):
    paths = [path.relative_to("out").as_posix().casefold() for path in picture_paths(Path("out"), ids)]
    assert len(set(paths)) == len(paths)
    folders = {parent.as_posix() for path in paths for parent in Path(path).parents}
    assert not folders & set(paths)


@pytest.mark.parametrize("depth", [400, 5000])
def test_a_name_thousands_of_folders_deep_keeps_its_last(depth):
    path = picture_path(Path("out"), "deep/" * depth + "a.png")
    assert path.parent == Path("out")
    assert path.name.startswith("a-")
    assert path != picture_path(Path("out"), "deep/" * (depth + 1) + "a.png")


def test_a_name_as_it_is_escaped_is_one_name():
    assert picture_path(Path("out"), "caf\\udce9.png").parent == Path("out")

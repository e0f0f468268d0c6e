"""The layout of MVTec AD (Bergmann et al. 2019), which most sets of inspection photos have.

category/
  train/good/             good images, to train on
  test/good/              good images, to test on
  test/DEFECT/            bad images, a folder for each kind of defect
  ground_truth/DEFECT/    their masks, NAME_mask.png or NAME.png: black where there is no defect
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sablier.errors import ImagesError
from sablier.files.names import as_name
from sablier.images.datasets import is_dataset
from sablier.images.decoding import SUFFIXES
from sablier.images.imageset import ImageSet, Skipped
from sablier.images.masks import read_mask
from sablier.images.sources import read_images
from sablier.typing import Array

GOOD = "good"


@dataclass(frozen=True)
class MvtecLayout:
    """One category: the places of its images and masks."""

    folder: Path

    @property
    def training(self) -> Path:
        """The folder of good images to train on."""
        return self.folder / "train" / GOOD

    @property
    def ground_truth(self) -> Path:
        """The folder of masks, which may not exist."""
        return self.folder / "ground_truth"

    def read_tests(self, **reading: Any) -> tuple[ImageSet, ImageSet]:
        """Return the good and the bad images of test/, labelled with their kind; `reading` as for `read_images`.

        Raises:
            ImagesError: if one of them is missing, or an image is in no folder.
        """
        place = self.folder / "test"
        images = read_images(place, **reading)
        kinds = np.array([_kind(id) for id in images.ids], str)
        if "" in kinds:
            stray = images.ids[kinds == ""][0]
            raise ImagesError(f"{place}: expected every image in {GOOD}/ or in a folder named after its defect, got {stray}.")
        good, bad = (
            replace(
                images.take((kinds == GOOD) == wanted),
                labels=kinds[(kinds == GOOD) == wanted],
                skipped=tuple(item for item in images.skipped if (_kind(item.id) == GOOD) == wanted),
            )
            for wanted in (True, False)
        )
        if not len(good) or not len(bad):
            missing = f"{GOOD}/" if not len(good) else "a folder for each kind of defect"
            raise ImagesError(f"{place}: expected images in {missing}, found none that can be read. Evaluation takes both.")
        return good, bad

    def masks(self, images: ImageSet, strict: bool = False) -> Iterator[Array | Skipped]:
        """Yield the mask of each image of `read_tests`, H,W booleans at its size; or why there is none.

        Raises:
            ImagesError: with `strict`, if there is none.
        """
        for id, (height, width) in zip(images.ids.tolist(), images.sizes.tolist(), strict=True):
            try:
                yield read_mask(self._mask_file(id), (height, width))
            except ImagesError as error:
                if strict:
                    raise
                yield Skipped(id, str(error))

    def _mask_file(self, id: str) -> Path:
        name = PurePosixPath(as_name(id)).with_suffix("")
        for ending in ("_mask", ""):
            for suffix in SUFFIXES:
                file = self.ground_truth / f"{name}{ending}{suffix}"
                if file.is_file():
                    return file
        raise ImagesError(f"expected its mask as {self.ground_truth / f'{name}_mask.png'}, found none.")


def layout_of(source: object) -> MvtecLayout | None:
    """Return the layout of a folder that contains test/ beside train/good/, or test/good/; None for any other source."""
    if not isinstance(source, str | Path) or (isinstance(source, str) and is_dataset(source)):
        return None
    layout = MvtecLayout(Path(source).expanduser())
    test = layout.folder / "test"
    return layout if test.is_dir() and (layout.training.is_dir() or (test / GOOD).is_dir()) else None


def training_source(source: object) -> object:
    """Return the images to train on: train/good of a category, any other source as it is.

    Raises:
        ImagesError: for a category without it.
    """
    layout = layout_of(source)
    if layout is None:
        return source
    if not layout.training.is_dir():
        raise ImagesError(f"{source}: expected good images to train on in train/{GOOD}/, found only test/. Name another folder.")
    return layout.training


def _kind(id: str) -> str:
    """Return the outermost folder of a relative path, "" if there is none."""
    folder, slash, _ = id.partition("/")
    return folder if slash else ""

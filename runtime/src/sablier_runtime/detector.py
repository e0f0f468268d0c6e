"""`load`: a detector from an .onnx file, which judges files, arrays and Pillow images."""

from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image

from sablier.calibration import CONFIDENCE
from sablier.images.decoding import images_from_pillow
from sablier.images.formats.folders import read_files
from sablier.images.imageset import ImageSet
from sablier.images.sources import read_images
from sablier.tasks.detection.exported_detector import ExportedDetector
from sablier.tasks.detection.result import DetectionResult
from sablier.workflows.exported_files import detector_in
from sablier_runtime.graph import OnnxGraph
from sablier_runtime.missing import named_sets_refused


@dataclass(frozen=True)
class Detector(ExportedDetector):
    """A detector that `sablier export` wrote; `load` reads it.

    Attributes:
        preprocess: the size, channels and value range of the images that it takes.
        calibration: the scores of the images that calibrate it.
        member_kinds: the kinds of its members.
    """

    def detect(
        self,
        images: Any,
        alpha: float = 0.05,
        pictures: bool = False,
        *,
        fdr: float | None = None,
        reject_alpha: float | None = None,
        confidence: float | None = CONFIDENCE,
    ) -> DetectionResult:
        """Score images and flag anomalous ones.

        Args:
            images: a file or a folder, a list of files, an array of shape N,H,W or N,H,W,C, a Pillow image or a list of them.
            alpha: the false-alarm rate: the share of good images that may be flagged.
            pictures: whether to keep the pixels, reconstructions and anomaly maps.
            fdr: in place of `alpha`, the false-discovery rate: the share of good images among the flagged ones.
            reject_alpha: a smaller false-alarm rate, for a triage: images up to it are rejected, those up to `alpha` are
                sent to a person, the others pass.
            confidence: of the bound on good images among the flagged ones; None: no bound.

        Returns:
            Scores, p-values and verdicts of N images.

        Raises:
            ImagesError: if nothing can be read, or the model does not take an image.
            ConfigError: if a rate or the confidence is not between 0 and 1, or `reject_alpha` is not below `alpha`.
        """
        return super().detect(images_of(images), alpha, pictures, fdr=fdr, reject_alpha=reject_alpha, confidence=confidence)


def load(path: str | PathLike[str], threads: int | None = None) -> Detector:
    """Return the detector of an .onnx file.

    Args:
        path: a file that `sablier export` wrote.
        threads: how many threads run it, at least 1; None: as many as there are cores.

    Raises:
        ModelFileError: if the file is missing, damaged or altered, no exported detector, or newer than this version.
        ConfigError: if there are fewer than 1 threads.
    """
    return detector_in(Detector, path, partial(OnnxGraph, threads=threads), threads)


def images_of(source: Any) -> ImageSet:
    """Return the images of a source, as `Detector.detect` takes it.

    Raises:
        ImagesError: if it cannot be read.
    """
    if isinstance(source, Image.Image):
        return images_from_pillow([source])
    if isinstance(source, list | tuple) and source and all(isinstance(each, Image.Image) for each in source):
        return images_from_pillow(source)
    if isinstance(source, list | tuple) and source and all(isinstance(each, str | PathLike) for each in source):
        return read_files([Path(each).expanduser() for each in source])
    with named_sets_refused(source):
        return read_images(source)

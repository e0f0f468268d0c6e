"""sablier-runtime judges images with a detector that `sablier export` wrote, by NumPy, Pillow and onnxruntime alone.

Examples:
    >>> import sablier_runtime  # doctest: +SKIP
    >>> detector = sablier_runtime.load("part.onnx")  # doctest: +SKIP
    >>> detector.detect("new/", alpha=0.01).flagged  # doctest: +SKIP
"""

from importlib.metadata import version

from sablier.errors import ConfigError, ImagesError, ModelFileError, OutputError, SablierError
from sablier_runtime.detector import Detector, load

__version__ = version("sablier-runtime")
__all__ = [
    "ConfigError",
    "Detector",
    "ImagesError",
    "ModelFileError",
    "OutputError",
    "SablierError",
    "__version__",
    "load",
]

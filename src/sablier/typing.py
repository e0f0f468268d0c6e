"""The types of annotations that every package uses."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

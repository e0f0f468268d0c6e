"""A file with a feature network, identified by its SHA-256: reading it runs nothing, loading it does."""

from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Self

from sablier.backbones.program import FORMATS, BackboneFormat, Program
from sablier.errors import BackboneError, SablierError

IMAGES = ("N", 3, "height", "width")  # the shape of the one input


@dataclass(frozen=True)
class BackboneFile:
    """The bytes of a file that the user named.

    Args:
        name: of the file, without its folders.
        sha256: of the bytes, in hexadecimal.
        format: the kind of file.
    """

    name: str
    sha256: str
    format: BackboneFormat
    data: bytes = field(repr=False)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Read a file; nothing in it is run.

        Raises:
            BackboneError: if the file is missing or empty, or does not end in .pt2 or .onnx.
        """
        path = Path(path)
        if path.suffix.lower() not in FORMATS:
            known = " or ".join(sorted(FORMATS, reverse=True))
            raise BackboneError(f"expected a backbone whose name ends in {known}, got {path}. Export the network to such a file.")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BackboneError(f"the backbone {path} cannot be read: {error.strerror}. Name a file that is there.") from error
        return cls(path.name, sha256(data).hexdigest(), FORMATS[path.suffix.lower()], data)

    def load(self) -> Program:
        """Load the program; from here on, code in the file runs.

        Raises:
            BackboneError: if that fails, or the program does not take any number of N,3,height,width float32 images.
            PackageError: if a package for such files is not installed.
        """
        try:
            program = self.format.load(self.data)
        except (SablierError, MemoryError):
            raise
        except Exception as error:  # an untrusted program may raise anything
            raise BackboneError(
                f"the backbone {self.name} cannot be loaded as {self.format.name}: {reason(error)}. It has to be whole, "
                "with all its weights in it, for the processor. Export or copy it again."
            ) from error
        self._check_inputs(program)
        return program

    def _check_inputs(self, program: Program) -> None:
        wanted = f"expected the backbone {self.name} to take {shape_in_words(IMAGES)} images in float32"
        if len(program.inputs) != 1:
            names = ", ".join(each.name for each in program.inputs) or "none"
            raise BackboneError(f"{wanted} as its one input, got {len(program.inputs)} inputs ({names}). Export it with one.")
        (taken,) = program.inputs
        if taken.dtype != "float32" or len(taken.shape) != len(IMAGES) or taken.shape[1] not in (None, 3):
            raise BackboneError(f"{wanted}, got {taken.dtype} of shape {shape_in_words(taken.shape)}. Export it anew.")
        if taken.shape[0] is not None:
            raise BackboneError(
                f"{wanted}, any number at a time, got a batch dimension fixed at {taken.shape[0]}. Export it with a dynamic one: "
                f"{self.format.any_number}"
            )

    def check_size(self, program: Program, height: int, width: int) -> None:
        """Check that a program takes images of a size, as far as it declares one.

        Raises:
            BackboneError: if it takes another size.
        """
        taken = program.inputs[0].shape[2:]
        if any(length not in (None, side) for length, side in zip(taken, (height, width), strict=True)):
            square = f"; where images are square, --set size={taken[0]} does as well" if taken[0] == taken[1] else ""
            raise BackboneError(
                f"expected the backbone {self.name} to take images of {height} x {width}, the size that they have here, "
                f"got one for {shape_in_words(taken)}. Export it for that size or for any{square}."
            )


def shape_in_words(shape: tuple[int | str | None, ...]) -> str:
    """Return a shape in words.

    >>> shape_in_words((None, 3, "height", 224))
    'any x 3 x height x 224'
    """
    return " x ".join("any" if length is None else str(length) for length in shape) or "no tensor"


def reason(error: BaseException) -> str:
    """Return the first line of an error message, without the full stop at its end."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(". ")

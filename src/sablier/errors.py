"""Everything sablier raises on purpose. Catch `SablierError` to catch it all.

    SablierError
     ├─ ImagesError        (ValueError)     a source, an image or a table that cannot be used
     │   └─ TooFewImages                    fewer images than a split, a fit or a calibration needs
     ├─ UnknownName        (ValueError)     no such model, data set, option or key; names the nearest
     ├─ ConfigError        (ValueError)     a value that an option does not take
     ├─ ModelFileError     (ValueError)     a .sablier file that is truncated, altered, newer or not ours
     ├─ ContainerError     (ValueError)     a .sabz file that is damaged, newer, not ours, or of another model
     ├─ BackboneError      (ValueError)     a backbone file that is missing, another, or no network that describes places
     ├─ PackageError       (RuntimeError)   an installed package that is missing or altered
     ├─ TrainingDiverged   (RuntimeError)   the loss became infinite or not a number
     ├─ Interrupted        (RuntimeError)   training was stopped; says where the work so far lies
     └─ OutputError        (OSError)        a result that could not be written; the old file is whole

    ImagesWarning          (UserWarning)    the images are usable, but something is lost
    OutputWarning          (UserWarning)    the results are whole, but something about where they went is to be known

Every message says what was expected, what came, and what to do. One that ends in the message of another ends in one full stop.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BackboneError",
    "ConfigError",
    "ContainerError",
    "ImagesError",
    "ImagesWarning",
    "Interrupted",
    "ModelFileError",
    "OutputError",
    "OutputWarning",
    "PackageError",
    "SablierError",
    "TooFewImages",
    "TrainingDiverged",
    "UnknownName",
    "nearest",
]


_TWO_STOPS = re.compile(r"(?<=[^\s./\\])\.\.(?=\s|$)")  # not "a/..", nor "..."


MOST_LISTED = 5  # names in a message


class SablierError(Exception):
    """Base of every error sablier raises on purpose.

    >>> print(SablierError("a.png cannot be read: it is truncated.."))
    a.png cannot be read: it is truncated.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(_TWO_STOPS.sub(".", str(message)))


class ImagesError(SablierError, ValueError):
    """A source, an image or a table that cannot be used as it is."""


class TooFewImages(ImagesError):
    """Fewer images than a split, a fit or a calibration needs."""


class UnknownName(SablierError, ValueError):
    """No such name; the message offers the nearest ones.

    >>> raise UnknownName("model", "bottlneck", ["bottleneck", "course_dense"])
    Traceback (most recent call last):
    ...
    sablier.errors.UnknownName: unknown model 'bottlneck'. Did you mean 'bottleneck'? Known: bottleneck, course_dense.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        listed = f"Known: {', '.join(known)}."
        if len(known) > MOST_LISTED:
            listed = f"Nearest of {len(known)}: {', '.join(sorted(get_close_matches(name, known, n=MOST_LISTED, cutoff=0)))}."
        super().__init__(f"unknown {kind} {name!r}.{nearest(name, known)} {listed}")


class ConfigError(SablierError, ValueError):
    """A value that an option or a configuration key does not take."""


class ModelFileError(SablierError, ValueError):
    """A model file that is truncated, altered, newer than this version, or not one of ours."""


class ContainerError(SablierError, ValueError):
    """A file of compressed images that is damaged, newer than this version, not one of ours, or made with another model."""


class BackboneError(SablierError, ValueError):
    """A file of a feature network that is missing, damaged, another than the model names, or that does not describe places."""


class PackageError(SablierError, RuntimeError):
    """A package that is needed and not installed, or that holds something else than it should; the message says what to type."""


class TrainingDiverged(SablierError, RuntimeError):
    """The loss became infinite or not a number."""


class Interrupted(SablierError, RuntimeError):
    """Training was stopped before its end; the message says where the work so far lies."""


class OutputError(SablierError, OSError):
    """A result that could not be written; whatever was there before is whole."""


class ImagesWarning(UserWarning):
    """The images are usable, but something is lost or assumed."""


class OutputWarning(UserWarning):
    """The results are whole, but something about where they went is to be known."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x' or 'y'?" for the known names closest to `name`, or an empty string."""
    close = get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""

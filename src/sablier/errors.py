"""Everything that sablier raises on purpose. `SablierError` is the base of all errors.

    SablierError
     ├─ ImagesError        (ValueError)     a source, an image or a table that cannot be used
     │   └─ TooFewImages                    fewer images than a split, a fit or a calibration needs
     ├─ UnknownName        (ValueError)     no such model, data set, option or key; suggests the nearest
     ├─ ConfigError        (ValueError)     a value that an option does not take
     ├─ ModelFileError     (ValueError)     a model file that is truncated, altered, newer or not ours
     ├─ ContainerError     (ValueError)     a .sabz file that is damaged, newer, not ours, or of another model
     ├─ BackboneError      (ValueError)     a backbone file that is missing, another one, or unsuitable
     ├─ ParityError        (RuntimeError)   an exported model does not agree with the one it was exported from
     ├─ PackageError       (RuntimeError)   an installed package that is missing or altered
     ├─ ServiceError       (RuntimeError)   a server that cannot be asked, or that answered with an error
     ├─ TrainingDiverged   (RuntimeError)   the loss became infinite or not a number
     ├─ Interrupted        (RuntimeError)   training was stopped; says where the checkpoint is
     └─ OutputError        (OSError)        a result that could not be written; the old file is intact

    ImagesWarning          (UserWarning)    the images are usable, but something is lost
    OutputWarning          (UserWarning)    the results are complete, but there is a note on where they are

Every message says what was expected, what came, and what to do. A message that ends in another one ends in one full stop.
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
    "ParityError",
    "SablierError",
    "ServiceError",
    "TooFewImages",
    "TrainingDiverged",
    "UnknownName",
    "nearest",
]


_TWO_STOPS = re.compile(r"(?<=[^\s./\\])\.\.(?=\s|$)")  # not "a/..", nor "..."


MOST_LISTED = 5  # names in a message


class SablierError(Exception):
    """Base of every error that sablier raises on purpose.

    Examples:
        >>> from sablier import SablierError
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
    """An unknown name; the message suggests the nearest ones.

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
    """A model file that is truncated, altered, newer than this version, or not one of sablier's."""


class ContainerError(SablierError, ValueError):
    """A file of compressed images that is damaged, newer than this version, not one of sablier's, or made with another model."""


class BackboneError(SablierError, ValueError):
    """A file of a feature network that is missing, damaged, not the one that the model names, or without feature maps."""


class ParityError(SablierError, RuntimeError):
    """An exported model that does not agree with the model that it was exported from; the message says where they differ."""


class PackageError(SablierError, RuntimeError):
    """A needed package that is not installed, or has other contents than it should; the message has the command to run."""


class ServiceError(SablierError, RuntimeError):
    """A server that cannot be asked, or that answered with an error; the message has what it said."""


class TrainingDiverged(SablierError, RuntimeError):
    """The loss became infinite or not a number."""


class Interrupted(SablierError, RuntimeError):
    """Training was stopped before its end; the message says where the checkpoint is."""


class OutputError(SablierError, OSError):
    """A result that could not be written; an existing file is intact."""


class ImagesWarning(UserWarning):
    """The images are usable, but something is lost or assumed."""


class OutputWarning(UserWarning):
    """The results are complete, but there is a note on where they are."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x' or 'y'?" for the known names nearest to `name`, or an empty string."""
    close = get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""

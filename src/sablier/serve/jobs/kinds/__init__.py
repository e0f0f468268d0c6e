"""The kinds of jobs."""

from sablier.serve.jobs.kinds.base import MODEL, Kind, Places
from sablier.serve.jobs.kinds.calibrate import Calibrate
from sablier.serve.jobs.kinds.evaluate import Evaluate
from sablier.serve.jobs.kinds.map import Map
from sablier.serve.jobs.kinds.train import Train

KINDS: dict[str, type[Kind]] = {kind.kind: kind for kind in (Train, Calibrate, Evaluate, Map)}

__all__ = ["KINDS", "MODEL", "Calibrate", "Evaluate", "Kind", "Map", "Places", "Train"]

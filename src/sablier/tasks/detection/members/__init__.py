"""The members a detector may have, one a file: ways to look at images whose errors differ."""

from sablier.tasks.detection.members.base import Look, Member
from sablier.tasks.detection.members.closed_form import Mixtures
from sablier.tasks.detection.members.inpainting import Inpaintings
from sablier.tasks.detection.members.patches import Patches
from sablier.tasks.detection.members.restoration import Restoration
from sablier.tasks.detection.members.transformations import Transformations

KINDS: tuple[type[Member], ...] = (Restoration, Transformations, Mixtures, Patches, Inpaintings)
MEMBERS = {member.kind: member for member in KINDS}  # by the name a model file gives them

__all__ = ["MEMBERS", "Inpaintings", "Look", "Member", "Mixtures", "Patches", "Restoration", "Transformations"]

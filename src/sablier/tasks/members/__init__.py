"""The members a detector may have, one a file: ways to look at images whose errors differ."""

from sablier.tasks.members.base import Look, Member
from sablier.tasks.members.closed_form import Mixtures
from sablier.tasks.members.restoration import Restoration
from sablier.tasks.members.transformations import Transformations

# By the name a model file gives them.
MEMBERS: dict[str, type[Member]] = {member.kind: member for member in (Restoration, Transformations, Mixtures)}

__all__ = ["MEMBERS", "Look", "Member", "Mixtures", "Restoration", "Transformations"]

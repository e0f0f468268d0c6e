"""The members a detector may have, one a file: ways to look at images whose errors differ.

>>> list(MEMBERS)
['backbone', 'closed-form', 'features', 'inpainting', 'patches', 'restoration', 'transformations']
"""

from sablier.tasks.detection.members.base import MEMBERS, Fitting, Look, Member, member

__all__ = ["MEMBERS", "Fitting", "Look", "Member", "member"]

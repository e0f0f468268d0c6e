"""The members that a detector may have, one a file: ways to score images whose errors differ.

>>> list(MEMBERS)
['backbone', 'closed-form', 'features', 'inpainting', 'patches', 'restoration', 'transformations']
"""

from sablier.tasks.detection.members.base import MEMBERS, Fitting, Member, MemberOutput, member

__all__ = ["MEMBERS", "Fitting", "Member", "MemberOutput", "member"]

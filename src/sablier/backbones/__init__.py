"""Feature networks of the user's own, from files: `BackboneFile` reads one, `BackboneNetwork` computes features with it.

Such a file is a program. It is loaded only if the user names it, never because a model file does; see SECURITY.md.
"""

from sablier.backbones.file import BackboneFile
from sablier.backbones.network import Backbone, BackboneNetwork, UnnamedBackbone, View, unnamed

__all__ = ["Backbone", "BackboneFile", "BackboneNetwork", "UnnamedBackbone", "View", "unnamed"]

"""The member that uses the user's own feature network. A model file names that network and does not contain it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from pydantic import Field

from sablier.backbones import Backbone, BackboneFile, BackboneNetwork, UnnamedBackbone, View
from sablier.errors import ConfigError
from sablier.images.preprocess import Preprocess
from sablier.modelfile import Part
from sablier.models.base import Model
from sablier.part_kinds import LARGEST, POSITIVE, PartConfig, PartKind
from sablier.tasks.detection.members.base import member
from sablier.tasks.detection.members.features import Features
from sablier.tasks.detection.remembered import Remembered

PART = "backbone-file"


class OutputRecord(PartConfig):
    """What a model file keeps of an output of the network: its name, its original shape without N, its usual magnitude."""

    name: str = Field(max_length=200)
    shape: list[int] = Field(min_length=2, max_length=3)
    scale: float = Field(ge=POSITIVE, le=LARGEST)


class BackboneRecord(PartConfig):
    """What a model file keeps of the network: the name of its file, which may change, and its SHA-256."""

    file: str = Field(max_length=1000)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    outputs: list[OutputRecord] = Field(min_length=1, max_length=32)


@member
@dataclass(frozen=True)
class OwnBackbone(Features):
    """The member `features` with a feature network that the user names, at training and at every use."""

    kind: ClassVar[str] = "backbone"
    sees: ClassVar[str] = (
        "A feature network named at training computes features at each place of the image. Their Mahalanobis distance from those "
        "of good images is the anomaly score of the place. The highest places count."
    )
    takes_tiles: ClassVar[bool] = False  # how far its filters reach is not known
    map_shows: ClassVar[str] = "The Mahalanobis distance of the named network's features at each place from those of good images"
    part_kinds: ClassVar[Mapping[str, PartKind]] = {PART: PartKind({}, BackboneRecord)}

    @property
    def trained_network(self) -> Model | None:
        return None  # it was not trained here, and is not kept

    @classmethod
    def share(cls, preprocess: Preprocess, backbone: BackboneFile | None, folds: int, tiles: int = 0) -> Remembered:
        """Return the network of the named file.

        Raises:
            ConfigError: if none was named.
            BackboneError: if it does not return feature maps of such images.
        """
        if backbone is None:
            raise ConfigError(
                f"the member {cls.kind} scores with a backbone (feature network) of yours. Name its file: --backbone FILE."
            )
        return Remembered(BackboneNetwork.measured(_shape(preprocess), backbone), keeps=folds > 1)

    def shared_parts(self) -> Mapping[str, Part]:
        named = self.backbone.network
        assert isinstance(named, Backbone)  # as `share` and `from_shared_parts` make it
        outputs = [{**asdict(view), "shape": list(view.shape)} for view in named.views]
        return {"network": Part(PART, {"file": named.file_name, "sha256": named.sha256, "outputs": outputs})}

    @classmethod
    def from_shared_parts(cls, parts: Mapping[str, Part], preprocess: Preprocess, backbone: BackboneFile | None) -> Remembered:
        """Return the network of the checked file that the user named; without one, a network that cannot score."""
        record = BackboneRecord.model_validate(parts["network"].config)
        views = tuple(View(each.name, tuple(each.shape), each.scale) for each in record.outputs)
        if backbone is None:
            return Remembered(UnnamedBackbone(_shape(preprocess), record.file, record.sha256, views))
        return Remembered.for_use(BackboneNetwork(_shape(preprocess), backbone, views), preprocess)


def _shape(preprocess: Preprocess) -> tuple[int, int, int]:
    return preprocess.height, preprocess.width, preprocess.channels

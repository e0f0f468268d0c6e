"""Jobs that map images."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from sablier.serve.jobs.kinds.base import MODEL, Kind, Places
from sablier.workflows.training.forecast import OnProgress


class Map(Kind):
    """Maps images to two dimensions by their codes, as `sablier map` does."""

    kind: ClassVar[str] = "map"
    takes: ClassVar[tuple[str, ...]] = (MODEL, "source")
    may_take: ClassVar[tuple[str, ...]] = ("new",)

    method: Annotated[Literal["auto", "pca", "tsne", "umap", "autoencoder"], Field(description="The projection.")] = "auto"
    colour: Annotated[str | None, Field(max_length=100, description="The column that colours the images at first.")] = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    strict: bool = False

    def run(self, places: Places, on_progress: OnProgress) -> dict[str, Any]:
        """Map, from the start; the page is `map.html`."""
        from sablier.workflows.map import map_images

        result = map_images(
            places.sources[MODEL], places.sources["source"], places.output / "map.html", self.method, colour=self.colour,
            new=places.sources.get("new"), seed=self.seed, on_progress=on_progress, strict=self.strict,
        )  # fmt: skip
        return {key: value for key, value in result.to_json().items() if key != "map"}

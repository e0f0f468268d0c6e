"""Jobs that calibrate a detector again."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from sablier.serve.jobs.kinds.base import MODEL, Kind, Places
from sablier.serve.jobs.kinds.train import Groups, ModelName, check_groups
from sablier.training.progress import Progress
from sablier.workflows.training.forecast import OnProgress

Alpha = Annotated[float, Field(gt=0, lt=1, description="The false-alarm rate.")]


class Calibrate(Kind):
    """Calibrates a detector on fresh good images, as `sablier calibrate` does."""

    kind: ClassVar[str] = "calibrate"
    takes: ClassVar[tuple[str, ...]] = (MODEL, "source")
    writes_model: ClassVar[bool] = True

    name: ModelName = "model"
    alpha: Alpha = 0.05
    groups: Groups = None
    strict: bool = False

    def check(self, sources: Mapping[str, Any]) -> None:
        """Check sources and groups.

        Raises:
            ConfigError: if one of them cannot be used.
        """
        super().check(sources)
        check_groups(self.groups)

    def run(self, places: Places, on_progress: OnProgress) -> dict[str, Any]:
        """Calibrate, from the start."""
        from sablier.tasks.detection.detect import Detector
        from sablier.workflows.calibrate import calibrate

        on_progress("calibrating", Progress(0, 1))
        file = calibrate(
            places.sources[MODEL], places.sources["source"], places.output / f"{self.name}.sablier", alpha=self.alpha,
            groups=self.groups, strict=self.strict,
        )  # fmt: skip
        calibration = Detector.from_file(file).calibration
        return {"task": file.task, "calibrated": file.provenance.calibrated, "promise": calibration.promise(self.alpha)}

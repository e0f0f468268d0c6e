"""Jobs that measure a detector."""

from typing import Any, ClassVar

from sablier.serve.jobs.kinds.base import MODEL, Kind, Places
from sablier.serve.jobs.kinds.calibrate import Alpha
from sablier.training.progress import Progress
from sablier.workflows.training.forecast import OnProgress


class Evaluate(Kind):
    """Measures a detector on good and bad images, as `sablier evaluate` does."""

    kind: ClassVar[str] = "evaluate"
    takes: ClassVar[tuple[str, ...]] = (MODEL, "good")
    may_take: ClassVar[tuple[str, ...]] = ("bad",)

    alpha: Alpha = 0.05
    strict: bool = False

    def run(self, places: Places, on_progress: OnProgress) -> dict[str, Any]:
        """Measure, from the start; the page is `evaluation.html`."""
        from sablier.workflows.evaluate import evaluate

        on_progress("measuring", Progress(0, 1))
        result = evaluate(
            places.sources[MODEL], places.sources["good"], places.sources.get("bad"), places.output / "evaluation.html",
            alpha=self.alpha, strict=self.strict,
        )  # fmt: skip
        return result.to_json()

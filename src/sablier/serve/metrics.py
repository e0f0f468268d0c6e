"""What a server counts, for Prometheus."""

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sablier.serve.models import ServedModel

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
TOGETHER = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts images, verdicts and requests, and times the stages of an answer.

    Args:
        waiting: returns how many requests are in the server.
        models: returns the models that were read, for the evidence of their drift alarms.
    """

    def __init__(self, waiting: Callable[[], int], models: Callable[[], "Iterable[ServedModel]"]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("sablier_requests", "Requests, by status.", ["method", "status"], registry=self.registry)
        self.images = Counter("sablier_images", "Images that were answered.", ["model", "verb"], registry=self.registry)
        self.verdicts = Counter("sablier_verdicts", "Verdicts.", ["model", "verdict"], registry=self.registry)
        self.seconds = Histogram(
            "sablier_stage_seconds", "Seconds of each stage.", ["stage"], registry=self.registry, buckets=SECONDS
        )
        self.together = Histogram(
            "sablier_batch_requests", "Requests that were answered in one step.", registry=self.registry, buckets=TOGETHER
        )
        queue = Gauge("sablier_queue", "Requests in the server.", registry=self.registry)
        queue.set_function(waiting)
        self.registry.register(_Drift(models))

    @contextmanager
    def timed(self, stage: str) -> "Iterator[None]":
        """Time a stage."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(stage).observe(perf_counter() - start)

    def count_request(self, method: str, status: int) -> None:
        """Count a request; methods that nobody serves are one, since clients may invent any number of them."""
        self.requests.labels(method if method in METHODS else "other", str(status)).inc()

    def count(self, model: str, verb: str, document: dict[str, Any]) -> None:
        """Count what an answer contains."""
        counts = [value for name in ("images", "count") if isinstance(value := document.get(name), int)]
        self.images.labels(model, verb).inc(sum(counts[:1]))
        for row in document.get("detections", ()):
            self.verdicts.labels(model, row["verdict"]).inc()

    def text(self) -> bytes:
        """Return everything in the format of Prometheus."""
        return generate_latest(self.registry)


class _Drift:
    """Tells the evidence of the drift alarm of each model when it is asked."""

    def __init__(self, models: Callable[[], "Iterable[ServedModel]"]) -> None:
        self.models = models

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        evidence = GaugeMetricFamily("sablier_drift_evidence", "Evidence of drift; 100 raises the alarm.", labels=["model"])
        alarm = GaugeMetricFamily("sablier_drift_alarm", "Whether the drift alarm is on.", labels=["model"])
        for model in self.models():
            if model.drift is not None:
                evidence.add_metric([model.name], model.drift.evidence)
                alarm.add_metric([model.name], float(model.drift.alarmed))
        yield evidence
        yield alarm

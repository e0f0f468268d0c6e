"""`Service`: what the routes share."""

from starlette.requests import Request

from sablier.serve.limits import Limits
from sablier.serve.metrics import Metrics
from sablier.serve.models import Models
from sablier.serve.options import ServiceOptions
from sablier.serve.scheduler import Scheduler


class Service:
    """The models of a server, who computes with them, and what is counted.

    Args:
        options: what the server was told.

    Raises:
        ConfigError, ModelFileError: as `Models`.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self.models = Models(options.models)
        self.limits: Limits | None = None
        self.metrics = Metrics(lambda: 0 if self.limits is None else self.limits.waiting, self.models.loaded)
        self.scheduler = Scheduler(options.workers, options.seconds, self.metrics.together.observe)
        self.ready = False


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service

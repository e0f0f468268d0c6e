"""`Service`: what the routes share."""

from starlette.requests import Request

from sablier.serve.jobs import Jobs
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
        self.jobs: Jobs | None = None
        if options.jobs is not None:
            self.jobs = Jobs(
                options.jobs, most_waiting=options.most_jobs, threads=options.job_threads, most_pixels=options.most_pixels
            )
        self.following = 0  # answers that tell of the events of a job
        self.ready = False

    def stop_telling(self) -> None:
        """End the answers that tell of the events of a job, which would otherwise last as long as the job."""
        if self.jobs is not None:
            self.jobs.stop_telling()


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service

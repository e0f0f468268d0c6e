"""The time of a training step by phase and by torch operator."""

from typing import Any

from torch.profiler import profile, schedule

WAIT, WARMUP, ACTIVE = 5, 2, 20  # steps before, discarded, measured
PHASES = ("batch", "forward", "backward", "optimizer", "average of weights")
MOST_OPERATORS = 8


class StepProfile:
    """Profile twenty steps of a run with torch's profiler: `start`, `step` after each step, `stop`, then `rows`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._profiler = profile(
            schedule=schedule(wait=WAIT, warmup=WARMUP, active=ACTIVE, repeat=1), on_trace_ready=self._summarise
        )
        self.start, self.step, self.stop = self._profiler.start, self._profiler.step, self._profiler.stop

    def _summarise(self, finished: Any) -> None:
        events = {event.key: event for event in finished.key_averages()}
        whole = next(event for key, event in events.items() if key.startswith("ProfilerStep"))
        steps, total = whole.count, whole.cpu_time_total
        if finished.step_num < WAIT + WARMUP + ACTIVE:
            return  # the run ended before: the last step is incomplete

        def row(kind: str, name: str, microseconds: float) -> dict[str, Any]:
            return {"kind": kind, "name": name, "milliseconds": microseconds / 1000 / steps, "share": microseconds / total}

        spent = {name: events[name].cpu_time_total for name in PHASES if name in events}
        self.rows = [row("phase", name, microseconds) for name, microseconds in spent.items()]
        self.rows.append(row("phase", "everything else", total - sum(spent.values())))
        operators = [event for key, event in events.items() if key.startswith("aten::")]
        operators.sort(key=lambda event: -event.self_cpu_time_total)
        self.rows += [row("operator", event.key, event.self_cpu_time_total) for event in operators[:MOST_OPERATORS]]

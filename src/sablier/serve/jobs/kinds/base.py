"""`Kind`: the arguments of a job and what it does with them; one kind a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from sablier.errors import ConfigError
from sablier.workflows.training.forecast import OnProgress

MODEL = "model"  # the source that is a model file, not images


@dataclass(frozen=True)
class Places:
    """Where the process of a job reads and writes.

    Args:
        sources: what it reads, by name.
        output: the folder that it writes to.
    """

    sources: Mapping[str, Path]
    output: Path


class Kind(BaseModel):
    """The arguments of a job; none of them is a path.

    A subclass has these, besides its arguments:

        kind: its name.
        takes: the names of the sources that it must be given; `may_take` those that it may.
        continues: whether a job that was stopped goes on from its checkpoints, not from its start.
        writes_model: whether it writes a model file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    takes: ClassVar[tuple[str, ...]]
    may_take: ClassVar[tuple[str, ...]] = ()
    continues: ClassVar[bool] = False
    writes_model: ClassVar[bool] = False

    def check(self, sources: Mapping[str, Any]) -> None:
        """Check what can be known before the job starts.

        Raises:
            ConfigError, UnknownName: if an argument or a source is not one that it takes.
        """
        missing = [name for name in self.takes if name not in sources]
        unknown = [name for name in sources if name not in (*self.takes, *self.may_take)]
        if missing or unknown:
            optional = f", and takes {' and '.join(self.may_take)}" if self.may_take else ""
            raise ConfigError(
                f"a job of kind {self.kind} needs {' and '.join(self.takes)}{optional}; got {', '.join(sources) or 'nothing'}."
            )

    def run(self, places: Places, on_progress: OnProgress) -> dict[str, Any]:
        """Do the work, going on where an earlier process of the job left it.

        Returns:
            What it found, as JSON can hold it.

        Raises:
            SablierError: as the workflow. Interrupted, KeyboardInterrupt: if it was stopped.
        """
        raise NotImplementedError

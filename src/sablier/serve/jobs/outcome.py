"""What the process of a job leaves to the server: its outcome, and a folder of files."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sablier.files import write_whole

OUTCOME, OUTPUT = "outcome.json", "output"


class Outcome(BaseModel):
    """How a job ended.

    Args:
        result: what it found.
        error: why it failed; None if it did not.
    """

    result: dict[str, Any] = {}
    error: str | None = None

    @classmethod
    def load(cls, folder: Path) -> "Outcome | None":
        """Return how the job of a folder ended; None if it did not."""
        try:
            return cls.model_validate_json((folder / OUTCOME).read_bytes())
        except (OSError, ValueError):
            return None

    def save(self, folder: Path) -> None:
        """Write it into the folder of the job, whole.

        Raises:
            OutputError: if it cannot be written.
        """
        write_whole(folder / OUTCOME, self.model_dump_json().encode())

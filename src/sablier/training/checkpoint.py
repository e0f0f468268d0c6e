"""The resume checkpoint: the container of a model file, with optimizer state. It contains no pickle."""

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sablier.errors import ModelFileError
from sablier.files import write_whole
from sablier.modelfile import pack, unpack


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run at the end of an epoch. Random state follows from seed and epoch."""

    epoch: int
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizers: dict[str, dict[str, Any]]
    history: dict[str, Any]
    identity: dict[str, Any]

    @classmethod
    def of(cls, **state: Any) -> "Checkpoint":
        """Return a copy of the state, so that training can go on."""
        return cls(**deepcopy(state))

    def check(self, identity: dict[str, Any]) -> None:
        """Raise ModelFileError if the run that resumes differs from the one that was stopped."""
        theirs, ours = json.loads(json.dumps(self.identity)), json.loads(json.dumps(identity))
        different = [key for key in ours if theirs.get(key) != ours[key]]
        if different:
            raise ModelFileError(
                f"the checkpoint is of another run: its {', '.join(different)} differ. "
                "Repeat the command that was stopped with --resume, or start afresh without it."
            )

    def save(self, path: Path) -> None:
        """Write the file as a whole or not at all."""
        tensors = {f"model/{key}": value for key, value in self.model.items()}
        tensors |= {f"average/{key}": value for key, value in self.average.items()}
        groups = {}
        for group, optimizer in self.optimizers.items():
            groups[group] = optimizer["param_groups"]
            for index, values in optimizer["state"].items():
                tensors |= {f"optimizer/{group}/{index}/{key}": value for key, value in values.items() if value is not None}
        text = json.dumps({"epoch": self.epoch, "groups": groups, "history": self.history, "identity": self.identity})
        write_whole(path, pack("checkpoint", text, {key: value.detach().cpu().numpy() for key, value in tensors.items()}))

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read and check a file."""
        text, arrays = unpack("checkpoint", path)
        content = json.loads(text)
        tensors = {key: torch.from_numpy(value.copy()) for key, value in arrays.items()}
        optimizers: dict[str, dict[str, Any]] = {
            group: {"param_groups": groups, "state": {}} for group, groups in content["groups"].items()
        }
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, group, index, name = key.split("/")
                optimizers[group]["state"].setdefault(int(index), {})[name] = value

        def under(prefix: str) -> dict[str, Tensor]:
            return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

        return cls(
            content["epoch"], under("model/"), under("average/"), optimizers, content["history"], content["identity"]
        )  # fmt: skip

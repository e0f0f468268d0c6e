"""Muon: orthogonalised momentum (Jordan et al. 2024) for kernels and matrices, Adam for the rest.

Every direction of a weight matrix is then trained at the same pace, which helps autoencoders: see docs/LOG.md.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from sablier.training.config import FitConfig
from sablier.training.optimizers import register

# The polynomial that takes singular values from (0, 1] to about 1 in five rounds, and the ratio of Adam's rate to Muon's.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
ADAM_SHARE = 0.1
ADAM_BETAS = (0.9, 0.99)


@register(learning_rate=0.02)
def muon(parameters: list[torch.nn.Parameter], config: FitConfig) -> Optimizer:
    """Return Muon."""
    rate, decay = config.learning_rate, config.weight_decay
    return Muon(parameters, rate, weight_decay=decay, momentum=config.momentum, renormalise=config.renormalise)


class Muon(Optimizer):
    """Momentum orthogonalised by Newton-Schulz iteration; parameters with fewer than two axes are updated by Adam.

    Args:
        parameters: any; a kernel out,in,h,w is taken as a matrix out x (in h w).
        learning_rate: about the spectral norm of a step, times the root of rows over columns for tall matrices; Adam's rate
            is a tenth of it.
        weight_decay: decoupled, for matrices only.
        momentum: of the gradient, with Nesterov's correction.
        renormalise: keep the norm of every kernel at the root of its filters. Where normalisation follows, only the
            direction counts, and the rate alone sets how fast it turns (airbench; Jordan 2024).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        renormalise: bool = False,
    ) -> None:
        defaults = {"lr": learning_rate, "weight_decay": weight_decay, "momentum": momentum, "renormalise": renormalise}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]  # returns no loss
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            shapes: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.ndim < 2:
                    self._adam(parameter, group["lr"] * ADAM_SHARE)
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(state["momentum"], group["momentum"])
                shapes[len(ahead), ahead[0].numel()].append((parameter, ahead))
            # Matrices of one shape go through the iteration together.
            for (rows, columns), pairs in shapes.items():
                steps = orthogonal(torch.stack([ahead.reshape(rows, columns) for _, ahead in pairs]))
                size = group["lr"] * max(1.0, rows / columns) ** 0.5
                for (parameter, _), direction in zip(pairs, steps, strict=True):
                    if group["renormalise"] and parameter.ndim == 4:
                        parameter.mul_(rows**0.5 / (parameter.norm() + 1e-7))
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(direction.view(parameter.shape), alpha=-size)

    def _adam(self, parameter: Tensor, rate: float) -> None:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None  # the caller checked
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - ADAM_BETAS[0])
        state["square"].lerp_(gradient**2, 1 - ADAM_BETAS[1])
        mean, square = (
            state[key] / (1 - beta ** state["step"]) for key, beta in zip(("mean", "square"), ADAM_BETAS, strict=True)
        )
        parameter.sub_(rate * mean / (square.sqrt() + 1e-8))


def product_type(device: torch.device) -> torch.dtype:
    """Return the type that products of matrices are fast in; either is exact enough for the iteration.

    A processor without instructions for bfloat16 emulates it, 4 to 60 times slower than float32.
    """
    if device.type != "cpu":
        return torch.bfloat16
    native = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return torch.bfloat16 if native else torch.float32


def orthogonal(matrices: Tensor) -> Tensor:
    """Return N,rows,columns matrices with all singular values near 1, float32."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(product_type(matrices.device))
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).float()
    return result

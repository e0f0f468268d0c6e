"""The variational autoencoder (Kingma and Welling 2014): a code is a distribution, and all codes together follow a Gaussian."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sablier.models.base import Model
from sablier.models.bottleneck import Bottleneck
from sablier.models.registry import register

# The initial spread is a fifth of that of all codes: as wide as all of them, a code would not describe an image.
FIRST_LOG_VARIANCE = -3.2
LOG_VARIANCES = (-12.0, 4.0)


class VariationalBottleneck(Bottleneck):
    """The default autoencoder, whose encoder also returns the variance of each number of a code.

    In training `reconstruct` samples the code from its distribution; in eval mode it uses the mean, and so does `encode`.
    """

    capabilities = Bottleneck.capabilities | {"sample"}

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int) -> None:
        super().__init__(shape, latent, width)
        self.to_log_variance = nn.Linear(self.to_latent.in_features, latent)
        nn.init.zeros_(self.to_log_variance.weight)
        nn.init.constant_(self.to_log_variance.bias, FIRST_LOG_VARIANCE)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean of the code of each image, N,latent, and its log variance, N,latent."""
        *layers, mean = self.hidden(x)
        log_variance: Tensor = self.to_log_variance(F.gelu(layers[-1]).contiguous().flatten(1))
        return mean, log_variance.clamp(*LOG_VARIANCES)

    def reconstruct(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.decode(self.encode(x))
        mean, log_variance = self.posterior(x)
        return self.decode(drawn(mean, log_variance))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return images of codes sampled from the Gaussian prior, N,C,H,W in [0, 1]."""
        codes = torch.randn(count, self.to_latent.out_features, generator=generator, device=generator.device)
        return self.decode(codes.to(self.to_latent.weight.device)).clamp(0, 1)


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return a code sampled from each distribution, N,latent, by torch's generator; gradients pass to both arguments."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


@register
def variational(shape: tuple[int, int, int], *, latent: int = 16, width: int = 32) -> Model:
    """The default autoencoder as a variational one: `latent` numbers, `width` channels at the first stage."""
    return VariationalBottleneck(shape, latent, width)

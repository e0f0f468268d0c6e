"""Images less the light that changes slowly over them."""

from torch import Tensor
from torch.nn import functional as F

from sablier.tasks.detection.anomaly_map import gaussian_blur

# Light that changes slowly over an image is taken out at these scales, as shares of the longer side.
EVENED_MEAN, EVENED_SPREAD = 1 / 16, 1 / 10
EVENED_TO, EVENED_FAINTEST = 0.15, 0.02  # the spread that is left everywhere, and one below which nothing is enlarged
EVENED_SIDE = 64  # pixels of the longer side at which slow light is found


def evened(x: Tensor) -> Tensor:
    """Return N,C,H,W images in [0, 1] less their slow light: local means become 0.5, and local spreads alike.

    A defect that is fainter than what light does to an image stands out then; one that *is* a shadow is lost.
    """
    factor = max(1, max(x.shape[2:]) // EVENED_SIDE)

    def slow(values: Tensor, share: float) -> Tensor:
        small = F.avg_pool2d(values, factor, ceil_mode=True, count_include_pad=False)
        blurred = gaussian_blur(small.flatten(0, 1), share * max(small.shape[2:])).view_as(small)
        return F.interpolate(blurred, values.shape[2:], mode="bilinear")

    apart = x - slow(x, EVENED_MEAN)
    spread = slow(apart.square(), EVENED_SPREAD).sqrt()
    return (apart / (spread + EVENED_FAINTEST) * EVENED_TO + 0.5).clamp(-1, 2)
